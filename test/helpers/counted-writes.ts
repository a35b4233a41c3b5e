import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'

/** What is given to the system from now on, one entry for each write: a corked socket gives all its chunks at once. */
export function countedWrites(socket: Duplex | null): string[] {
  assert.ok(socket !== null)
  const writes: string[] = []
  const { _write, _writev } = socket
  socket._write = (chunk, encoding, callback) => {
    writes.push(String(chunk))
    _write.call(socket, chunk, encoding, callback)
  }
  socket._writev = (chunks, callback) => {
    writes.push(chunks.map(({ chunk }) => String(chunk)).join(''))
    _writev?.call(socket, chunks, callback)
  }
  return writes
}
