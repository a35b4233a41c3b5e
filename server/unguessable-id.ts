import { randomFillSync } from 'node:crypto'

const ID_BYTES = 16
const AT_ONCE = 256

const pool = Buffer.alloc(ID_BYTES * AT_ONCE)
let used = pool.length

/** 128 random bits as 32 characters of `[a-f0-9]`. Whoever knows one may be trusted to have been told it. Random bytes are drawn for many at a time. */
export function unguessableId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += ID_BYTES
  return pool.toString('hex', used - ID_BYTES, used)
}
