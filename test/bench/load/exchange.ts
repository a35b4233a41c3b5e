/** One request and its whole answer by undici, with as little around it as can be. */
import type { Dispatcher } from 'undici'

export interface Answer {
  status: number
  body: Buffer
}

/**
 * @param headers Names in lower case.
 * @param hear Gets the body as it comes, in place of the answer.
 * @throws {Error} when the connection fails.
 */
export function exchange(dispatcher: Dispatcher, method: 'GET' | 'POST', path: string, headers: Record<string, string> = {}, body: string | Buffer | null = null, hear?: (chunk: Buffer) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const take = hear ?? ((chunk: Buffer) => void chunks.push(chunk))
    let status = 0
    dispatcher.dispatch({ method, path, headers, body }, {
      onRequestStart() {},
      onResponseStart(_controller, statusCode) {
        status = statusCode
      },
      onResponseData(_controller, chunk) {
        take(chunk)
      },
      onResponseEnd() {
        resolve({ status, body: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks) })
      },
      onResponseError(_controller, error) {
        reject(error)
      },
    })
  })
}

export const JSON_TYPE = { 'content-type': 'application/json' }
