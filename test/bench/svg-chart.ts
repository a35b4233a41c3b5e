/** Line charts as SVG: nothing but what three drawings of figures need. */

export interface Series {
  name: string
  colour: string
  /** Drawn thicker. */
  isOurs?: boolean
  /** In the order of x. One alone is drawn as a dot. */
  points: readonly (readonly [x: number, y: number])[]
}

export interface Axis {
  title: string
  scale: 'linear' | 'logarithmic'
  /** Of a tick. */
  show(value: number): string
}

export interface Chart {
  title: string
  x: Axis
  y: Axis
  series: readonly Series[]
}

const WIDTH = 760
const HEIGHT = 420
const LEFT = 76
const RIGHT = 112
const TOP = 48
const BOTTOM = 56
/** Of a line of text. */
const LINE = 15
const LABEL_GAP = 10
const TICKS = 6

/** Maps a value to a place in the drawing. */
type Place = (value: number) => number

/** A whole document. Every line is named at its end, so that no legend is needed and no colour alone tells. */
export function drawChart({ title, x, y, series }: Chart): string {
  const points = series.flatMap((one) => one.points)
  const xTicks = ticksOf(x.scale, points.map(([value]) => value))
  const yTicks = ticksOf(y.scale, points.map(([, value]) => value))
  const placeX = placeOn(x.scale, xTicks, LEFT, WIDTH - RIGHT)
  const placeY = placeOn(y.scale, yTicks, HEIGHT - BOTTOM, TOP)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#333">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="24" font-size="15" font-weight="600">${escapeText(title)}</text>`,
    ...yTicks.map((tick) => `<path d="M${LEFT} ${at(placeY(tick))}H${WIDTH - RIGHT}" stroke="#e3e3e3"/><text x="${LEFT - 8}" y="${at(placeY(tick) + 4)}" text-anchor="end">${escapeText(y.show(tick))}</text>`),
    ...xTicks.map((tick) => `<path d="M${at(placeX(tick))} ${HEIGHT - BOTTOM}v5" stroke="#888"/><text x="${at(placeX(tick))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${escapeText(x.show(tick))}</text>`),
    `<path d="M${LEFT} ${HEIGHT - BOTTOM}H${WIDTH - RIGHT}" stroke="#888"/>`,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">${escapeText(x.title)}</text>`,
    `<text x="${LEFT}" y="${TOP - 8}" font-size="11" fill="#666">${escapeText(y.title)}</text>`,
    ...series.flatMap((one) => drawSeries(one, placeX, placeY)),
    ...labels(series, placeX, placeY),
    '</svg>',
    '',
  ].join('\n')
}

function drawSeries({ points, colour, isOurs }: Series, placeX: Place, placeY: Place): string[] {
  const places = points.map(([x, y]) => [at(placeX(x)), at(placeY(y))] as const)
  const line = `<path d="M${places.map(([x, y]) => `${x} ${y}`).join('L')}" fill="none" stroke="${colour}" stroke-width="${isOurs === true ? 3 : 1.5}"/>`
  return [...(places.length > 1 ? [line] : []), ...places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="${isOurs === true ? 4 : 3}" fill="${colour}"/>`)]
}

interface Label {
  name: string
  colour: string
  weight: number
  x: number
  y: number
}

/** Names at the ends of their lines, moved apart where they would overlap. */
function labels(series: readonly Series[], placeX: Place, placeY: Place): string[] {
  const wanted = series.flatMap(({ name, colour, isOurs, points }): Label[] => {
    const last = points.at(-1)
    return last === undefined ? [] : [{ name, colour, weight: isOurs === true ? 700 : 400, x: placeX(last[0]) + LABEL_GAP, y: placeY(last[1]) + 4 }]
  })
  return Object.values(Object.groupBy(wanted, ({ x }) => String(at(x)))).flatMap((column = []) => apart(column)).map(({ name, colour, weight, x, y }) => (
    `<text x="${at(x)}" y="${at(y)}" fill="${colour}" font-weight="${weight}" stroke="#fff" stroke-width="3" paint-order="stroke">${escapeText(name)}</text>`
  ))
}

/** A line of text between two that stand above each other: downwards, and up again from the axis. */
function apart(column: readonly Label[]): Label[] {
  const sorted = column.toSorted((a, b) => a.y - b.y)
  let highest = -Infinity
  const lowered = sorted.map((label) => ({ ...label, y: (highest = Math.max(label.y, highest + LINE)) }))
  return lowered.map((label, index) => ({ ...label, y: Math.min(label.y, HEIGHT - BOTTOM - (lowered.length - 1 - index) * LINE) }))
}

/** Round values from below the least to above the greatest. */
export function ticksOf(scale: Axis['scale'], values: readonly number[]): number[] {
  const [least, greatest] = [Math.min(...values), Math.max(...values)]
  if (values.length === 0 || !Number.isFinite(least + greatest)) return [0, 1]
  return scale === 'linear' ? linearTicks(Math.max(greatest, Number.MIN_VALUE)) : logarithmicTicks(Math.max(least, Number.MIN_VALUE), greatest)
}

/** From nothing on: a linear scale that begins elsewhere makes small differences look large. */
function linearTicks(greatest: number): number[] {
  const rough = greatest / TICKS
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power
  return Array.from({ length: Math.ceil(greatest / step) + 1 }, (_, index) => index * step)
}

function logarithmicTicks(least: number, greatest: number): number[] {
  const [from, to] = [Math.floor(Math.log10(least) + 1e-9), Math.ceil(Math.log10(greatest) - 1e-9)]
  return Array.from({ length: Math.max(1, to - from) + 1 }, (_, index) => 10 ** (from + index))
}

function placeOn(scale: Axis['scale'], ticks: readonly number[], from: number, to: number): Place {
  const measure = scale === 'linear' ? (value: number) => value : Math.log10
  const [first, last] = [measure(ticks[0] ?? 0), measure(ticks.at(-1) ?? 1)]
  return (value) => from + ((measure(value) - first) / (last - first)) * (to - from)
}

function at(place: number): number {
  return Math.round(place * 10) / 10
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
