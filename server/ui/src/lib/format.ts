/** Numbers and times as the visitor reads them. */

const LOCALE = 'en'
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 })
const clock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const clockWithSeconds = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const dayAndClock = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const ordinals = new Intl.PluralRules(LOCALE, { type: 'ordinal' })
const ORDINAL_ENDS: Readonly<Record<string, string>> = { one: 'st', two: 'nd', few: 'rd' }
/** Nothing takes no time at all. */
const SHORTEST_SECONDS = 0.001
const SMALL_NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve']

export function count(value: number): string {
  return whole.format(value)
}

/** Small numbers in words, as they stand in a sentence. */
export function inWords(value: number): string {
  return SMALL_NUMBERS[value] ?? count(value)
}

export function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** `1 model`, `3 models`. */
export function counted(value: number, one: string, many: string): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

export function ordinal(value: number): string {
  return `${count(value)}${ORDINAL_ENDS[ordinals.select(value)] ?? 'th'}`
}

/** `0.8 s`, `12 s`, `4 min`, `2 h 5 min`. */
export function seconds(value: number): string {
  if (value < 0.095) return `${value < 0.0095 ? Math.max(SHORTEST_SECONDS, value).toFixed(3) : value.toFixed(2)} s`
  if (value < 9.95) return `${value.toFixed(1)} s`
  if (value < 99.5) return `${whole.format(value)} s`
  if (value < 3_570) return `${whole.format(value / 60)} min`
  const hours = Math.floor(value / 3_600)
  const minutes = Math.round((value - hours * 3_600) / 60)
  return minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`
}

/** An estimate: whole seconds from one second on. */
export function roughly(value: number): string {
  return value < 0.95 ? seconds(value) : seconds(value < 99.5 ? Math.max(1, Math.round(value)) : value).replace('.0 ', ' ')
}

/** `3 d 4 h`, `4 h 10 min`, `25 s`. */
export function uptime(value: number): string {
  if (value < 86_400) return seconds(Math.max(1, Math.round(value))).replace('.0 ', ' ')
  return `${Math.floor(value / 86_400)} d ${Math.floor((value % 86_400) / 3_600)} h`
}

export function bytes(value: number): string {
  if (value < 1_000) return `${value} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(value) / 3) - 1)
  const scaled = value / 1_000 ** (power + 1)
  return `${scaled < 9.95 ? scaled.toFixed(1) : whole.format(scaled)} ${units[power] ?? ''}`
}

export function mebibytes(value: number): string {
  return whole.format(value / 1_048_576)
}

/** A share from 0 to 1. What is a little is not nothing, and almost all is not all. */
export function percent(share: number): string {
  if (share > 0 && share < 0.005) return '< 1 %'
  if (share >= 0.995 && share < 1) return '> 99 %'
  return `${whole.format(share * 100)} %`
}

/** The clock time, with the date when it is not today. */
export function timeOfDay(iso: string, withSeconds = false): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  if (date.toDateString() !== new Date().toDateString()) return dayAndClock.format(date)
  return (withSeconds ? clockWithSeconds : clock).format(date)
}

/** Words of another's as a sentence. */
export function sentence(words: string): string {
  const trimmed = words.trim()
  return trimmed === '' || /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`
}

/** Markdown as one line of plain words, for cards and titles. */
export function plainWords(markdown: string): string {
  return markdown
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^\s{0,3}(?:#{1,6}|>|[-*+])\s+/gm, '')
    .replace(/(\*\*|__|`)(.+?)\1/g, '$2')
    .replace(/\s+/g, ' ')
    .trim()
}
