// A page of the model's own: no framework and no build, the same API as everyone's. The sheet goes out, the words come back as they are written.

const WORDS = 80
/** What the model takes as its beginning. */
const MOST_CHARACTERS = 2_000

const desk = document.querySelector('#desk')
const sheet = document.querySelector('#sheet')
const button = document.querySelector('#write')
const news = document.querySelector('#news')
let running = null

desk.addEventListener('submit', (event) => {
  event.preventDefault()
  if (running === null) void write()
  else running.abort()
})
document.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) desk.requestSubmit()
  if (event.key === 'Escape') running?.abort()
})

async function write() {
  running = new AbortController()
  button.textContent = 'Stop'
  news.textContent = 'Writing'
  // Only the end of a long text goes out; what stands before it stays.
  const text = sheet.value
  const kept = text.slice(0, -MOST_CHARACTERS)
  try {
    await stream({ prompt: text.slice(-MOST_CHARACTERS), temperature: Number(new FormData(desk).get('temperature')), length: WORDS }, kept, running.signal)
    news.textContent = 'Written. Change what you like, and continue.'
  } catch (error) {
    news.textContent = error.name === 'AbortError' ? 'Stopped.' : `${error.message} Your text is still here.`
  }
  running = null
  button.textContent = 'Continue'
}

/** Leaving the stream is all it takes to cancel: the host stops the model when nobody reads. */
async function stream(inputs, kept, signal) {
  const answer = await fetch('predict?stream=delta', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify(inputs),
    signal,
  })
  if (!answer.ok) throw new Error((await answer.json()).detail)
  let rest = ''
  for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + piece).split('\n\n')
    rest = events.pop()
    for (const event of events) take(event, kept)
  }
}

function take(event, kept) {
  const name = /^event: (.*)$/m.exec(event)?.[1]
  const data = JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? 'null')
  if (name === 'output') sheet.value = kept + data.text
  else if (name === 'append') sheet.value += data.text
  else if (name === 'queued') news.textContent = `Waiting, ${data.position} in line`
  else if (name === 'held') news.textContent = 'The model is coming back'
  else if (name === 'error') throw new Error(data.detail)
  sheet.scrollTop = sheet.scrollHeight
}
