/** Node's own inspector, for what can't be seen from outside. */

interface Inspectable {
  webSocketDebuggerUrl: string
}

/**
 * Lets a process collect its garbage, so that what it holds can be told from what it has not yet thrown away.
 *
 * @param port Of its `--inspect`.
 */
export async function collectGarbage(port: number): Promise<void> {
  const listed = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as Inspectable[]
  const url = listed[0]?.webSocketDebuggerUrl
  if (url === undefined) throw new Error('the process has no inspector')
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', () => socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' })))
    socket.addEventListener('message', resolve)
    socket.addEventListener('error', () => reject(new Error('the inspector does not answer')))
  })
  socket.close()
}
