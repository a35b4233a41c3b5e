/** Camera and microphone, and what is recorded from them. */

/** What a browser records, the better first; each can be read by common decoders. */
const CONTAINERS = ['audio/webm;codecs=opus', 'audio/mp4', 'video/webm;codecs=vp9,opus', 'video/webm', 'video/mp4']

export class Recorder {
  /** While the device is open. */
  stream = $state.raw<MediaStream | null>(null)
  isRefused = $state(false)
  isRecording = $state(false)
  /** Length of what is being recorded. */
  seconds = $state(0)
  #media: MediaRecorder | null = null
  #chunks: Blob[] = []
  #ticking: ReturnType<typeof setInterval> | undefined
  #isReleased = false

  /** Asks for the device; `isRefused` says when it was not given. */
  async open(wanted: { audio?: boolean; video?: boolean }): Promise<boolean> {
    this.isRefused = false
    this.#isReleased = false
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wanted)
      // The visitor may have moved on while the browser asked.
      if (this.#isReleased) stream.getTracks().forEach((track) => track.stop())
      else this.stream = stream
    } catch {
      this.isRefused = true
    }
    return this.stream !== null
  }

  start(): void {
    if (this.stream === null) return
    const media = this.stream.getVideoTracks().length > 0 ? 'video/' : 'audio/'
    const mimeType = CONTAINERS.find((type) => type.startsWith(media) && MediaRecorder.isTypeSupported(type))
    this.#chunks = []
    this.#media = new MediaRecorder(this.stream, mimeType === undefined ? {} : { mimeType })
    this.#media.addEventListener('dataavailable', ({ data }) => this.#chunks.push(data))
    this.#media.start(1_000)
    this.isRecording = true
    const startedAt = performance.now()
    this.seconds = 0
    this.#ticking = setInterval(() => (this.seconds = (performance.now() - startedAt) / 1_000), 200)
  }

  /** @returns what was recorded, named with the container's extension; null when nothing was. */
  async stop(name: string): Promise<File | null> {
    const media = this.#media
    if (media === null) return null
    const stopped = new Promise((resolve) => media.addEventListener('stop', resolve, { once: true }))
    media.stop()
    await stopped
    this.#media = null
    clearInterval(this.#ticking)
    this.isRecording = false
    const type = media.mimeType.split(';', 1)[0] ?? ''
    const blob = new Blob(this.#chunks, { type })
    return blob.size === 0 ? null : new File([blob], `${name}.${type.endsWith('mp4') ? 'mp4' : 'webm'}`, { type })
  }

  /** Gives the device back; its light goes out. */
  release(): void {
    this.#isReleased = true
    clearInterval(this.#ticking)
    this.isRecording = false
    this.#media = null
    this.stream?.getTracks().forEach((track) => track.stop())
    this.stream = null
  }
}
