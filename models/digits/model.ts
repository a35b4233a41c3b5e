import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { defineModel, image, label, UserError } from 'footlights'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import sharp from 'sharp'

import { normalise, SIDE } from './normalise.ts'
import { readInk } from './read-ink.ts'

const NETWORK = fileURLToPath(new URL('./digits.onnx', import.meta.url))

export default defineModel({
  title: 'Digits',
  description: 'Reads a handwritten digit, from a photo or a drawing, dark on light or light on dark.',
  article: `A small convolutional network (38,000 weights), trained on 1,437 digits of the UCI *Optical Recognition of Handwritten Digits*
set, each varied 60 times. It reads 99 % of the 360 digits of that set that it never saw. One digit a picture; it knows
no letters and will see a digit in anything.`,
  inputs: { picture: image({ label: 'Picture of one digit', info: 'It may be small, large or off the centre.', sources: ['upload', 'sketch', 'clipboard'] }) },
  outputs: { digit: label({ label: 'Digit', top: 3 }) },
  examples: [
    { picture: { path: 'examples/seven.png' } },
    { picture: { path: 'examples/three-on-dark.png' } },
    { picture: { path: 'examples/five-thin.png' } },
  ],
  limits: { timeoutMs: 10_000, rssMb: 768, heapMb: 256 },
  setup: async () => {
    sharp.cache(false)
    sharp.concurrency(1)
    return InferenceSession.create(NETWORK, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  },
  predict: async ({ picture }, { state }) => ({ digit: await recognise(state, await see(picture.path)) }),
})

async function see(path: string): Promise<Float32Array> {
  // From bytes, not from the path: a picture format that can refer to other files must not find them.
  const bytes = await readFile(path)
  const ink = await readInk(bytes).catch(() => {
    throw new UserError('This file is not a picture that can be read, or it has more than 50 million pixels.')
  })
  if (ink === null) throw new UserError('There is nothing to read: the picture is of one colour.')
  return normalise(ink)
}

async function recognise(network: InferenceSession, picture: Float32Array): Promise<Record<string, number>> {
  const { chances } = await network.run({ picture: new Tensor('float32', picture, [1, 1, SIDE, SIDE]) })
  if (!(chances?.data instanceof Float32Array)) throw new Error('The network gave no chances.')
  return Object.fromEntries(Array.from(chances.data, (chance, digit) => [String(digit), chance]))
}
