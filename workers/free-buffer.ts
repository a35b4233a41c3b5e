/** Below, it costs more than it saves. */
export const WORTH_FREEING_BYTES = 16 * 1024

/**
 * Gives the memory of a chunk back at once, in place of whenever garbage is collected: chunks of a flood come faster than that.
 * Only for chunks that nobody looks at any more: afterwards they are empty. One that shares its memory with others, as small ones do, is left alone.
 */
export function freeBuffer(chunk: Uint8Array): void {
  const { buffer } = chunk
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength) buffer.transfer(0)
}
