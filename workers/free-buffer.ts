/** Below, it costs more than it saves. */
export const WORTH_FREEING_BYTES = 16 * 1024

/**
 * Gives the memory of a chunk back at once, in place of whenever garbage is collected: chunks of a flood come faster than that.
 * Only for chunks that nobody looks at any more: afterwards they are empty. One that shares its memory with others, as small ones do, is left alone.
 */
export function freeBuffer(chunk: Uint8Array): void {
  const { buffer } = chunk
  if (buffer instanceof ArrayBuffer && !buffer.detached && buffer.byteLength === chunk.byteLength) buffer.transfer(0)
}

/** A buffer with memory of its own, which can be freed; Node's others of up to 32 kB share theirs. Its content is whatever was there. */
export function ownBuffer(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes)
}

export function ownCopy(bytes: Uint8Array): Buffer {
  return joined([bytes])
}

/** All of them in one buffer with memory of its own. */
export function joined(chunks: readonly Uint8Array[]): Buffer {
  const whole = ownBuffer(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
