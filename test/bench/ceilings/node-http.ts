/** The first ceiling: `node:http` alone, the functions in the same process. `node node-http.ts PORT` */
import { createServer, type IncomingMessage } from 'node:http'

import { answerOf, bytesOf, streamOf } from './functions.ts'

const server = createServer((req, res) => void handle(req).then(
  async (handled) => {
    res.setHeader('content-type', handled.type)
    if (handled.body !== null) return res.end(handled.body)
    for await (const text of handled.events) if (!res.write(text)) await new Promise((resolve) => res.once('drain', resolve))
    res.end()
  },
  (error: unknown) => res.writeHead(400).end(String(error)),
))

type Handled = { type: string; body: string | Buffer } | { type: string; body: null; events: AsyncGenerator<string> }

async function handle(req: IncomingMessage): Promise<Handled> {
  const model = req.url?.split('/')[1] ?? ''
  const body = await bytesOf(req)
  if (model === 'image') return { type: 'image/png', body }
  const inputs: unknown = JSON.parse(body.toString('utf8'))
  const events = streamOf(model, inputs)
  if (events !== null) return { type: 'text/event-stream', body: null, events }
  return { type: 'application/json', body: JSON.stringify(answerOf(model, inputs)) }
}

server.listen(Number(process.argv[2]), '127.0.0.1')
