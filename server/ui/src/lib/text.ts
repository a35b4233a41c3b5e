/**
 * The English words of the pages, in one place, so that they can be translated: here what most pages say, in `text-*.ts` what only one does,
 * in `component-text.ts` what the components say.
 */
import { capital, count, counted, inWords, ordinal, roughly, seconds } from './format.ts'

const MISSING: Readonly<Record<string, string>> = {
  textbox: 'Type at least one word, then run again.',
  code: 'Type at least one line, then run again.',
  markdown: 'Type at least one word, then run again.',
  number: 'Use a number.',
  slider: 'Move the slider or type a number.',
  radio: 'Choose one, then run again.',
  dropdown: 'Choose one, then run again.',
  image: 'Choose an image, then run again.',
  audio: 'Choose or record a sound, then run again.',
  video: 'Choose a video, then run again.',
  file: 'Choose a file, then run again.',
  gallery: 'Choose at least one image, then run again.',
}

const KIND: Readonly<Record<string, string>> = {
  textbox: 'Text', number: 'Number', slider: 'Number', checkbox: 'Yes or no', checkboxGroup: 'Choices', radio: 'Choice', dropdown: 'Choice', image: 'Image', audio: 'Audio',
  video: 'Video', file: 'File', gallery: 'Gallery', label: 'Label', json: 'JSON', markdown: 'Text', html: 'HTML', highlightedText: 'Text', dataframe: 'Table', code: 'Code',
  chatbot: 'Chat',
}

const REPLICA_STATE = {
  starting: 'Starting', ready: 'Ready', busy: 'Busy', draining: 'Draining', backoff: 'Backoff', quarantined: 'Quarantined', stopped: 'Stopped', unavailable: 'Unavailable',
} as const

/** An estimate below this has run out. */
const RAN_OUT_SECONDS = 0.3

/** An estimate behind what it is for; null: there is none. */
function about(eta: number | null): string {
  if (eta === null) return ''
  return eta < RAN_OUT_SECONDS ? ', a little longer than expected' : `, about ${roughly(eta)}`
}

export const text = {
  site: {
    name: 'Footlights',
    skip: 'Skip to content',
    nav: 'Site',
    models: 'Models',
    status: 'Status',
    api: 'API',
    shortcuts: 'Keyboard shortcuts',
    shortcutsHintStart: 'Press',
    shortcutsHintEnd: 'for keyboard shortcuts',
    close: 'Close',
    theme: { auto: 'Theme: follow the system', light: 'Theme: light', dark: 'Theme: dark' },
  },
  keys: [
    { keys: ['Ctrl', 'Enter'], does: 'Run, from any field' },
    { keys: ['Esc'], does: 'Cancel what runs; else close what is open' },
    { keys: ['/'], does: 'To the search box, or to the first input' },
    { keys: ['Enter'], does: 'In a chat: send; with Shift: a new line' },
    { keys: ['Alt', '↑'], does: 'In an empty chat box: the last message back for editing' },
    { keys: ['?'], does: 'This list' },
  ],
  connection: {
    lost: (wait: number): string => (wait > 0 ? `Connection lost, trying again in ${count(wait)} s` : 'Connection lost, trying now'),
    lostMore: 'Your inputs are safe on this page. A request that was running goes on at the host; its result appears when the connection is back.',
    tryNow: 'Try now',
    back: 'Connected again',
    backMore: 'Nothing on this page was lost.',
  },
  state: {
    starting: 'Starting',
    ready: 'Ready',
    busy: 'Busy',
    unavailable: 'Unavailable',
    inLine: (waiting: number): string => `Busy, ${count(waiting)} in line`,
    replica: REPLICA_STATE,
  },
  kind: (kind: string): string => KIND[kind] ?? kind,
  model: {
    back: 'All models',
    about: 'About this model',
    inputs: 'Inputs',
    examples: 'Examples',
    example: (index: number): string => `Example ${index}`,
    useExample: (words: string): string => `Use the example: ${words}`,
    run: 'Run',
    running: 'Running',
    clear: 'Clear',
    copyLink: 'Copy a link with these inputs',
    api: 'Use via API',
    needChange: (inputs: number): string => `${capital(inWords(inputs))} ${inputs === 1 ? 'input needs' : 'inputs need'} a change`,
    otherModels: 'Other models',
    tryToStart: 'Try to start it',
    resting: (title: string): string => `${title} is resting`,
    restingMore: 'The host stopped restarting it after several failures. The other models are not affected.',
    nextTryAt: (time: string, wait: string | null): string => `The next try is at ${time}${wait === null ? '' : `, in ${wait}`}.`,
    cause: 'Cause',
    startRefused: 'Only an operator can start it from here.',
    startAsked: 'Asked for. It takes a moment.',
    settings: 'Settings',
  },
  form: {
    used: (used: string, most: string): string => `${used} of ${most}`,
    optional: 'optional',
    exact: (label: string): string => `${label}, exact`,
    noChoice: 'None',
    searchChoice: 'Type to search',
    noneMatch: 'Nothing matches',
    remove: (label: string): string => `Remove ${label}`,
    openList: 'Show the choices',
    yes: 'Yes',
    no: 'No',
    labelExample: 'A word, or { "cat": 0.9, "dog": 0.1 }',
  },
  refused: {
    missing: (kind: string): string => MISSING[kind] ?? 'Fill this in, then run again.',
    noNumber: 'Use a number.',
    wholeNumber: 'a whole number',
    number: 'a number',
    between: (what: string, low: string, high: string): string => `Use ${what} from ${low} to ${high}.`,
    atLeast: (what: string, low: string): string => `Use ${what} of at least ${low}.`,
    atMost: (what: string, high: string): string => `Use ${what} of at most ${high}.`,
    tooLong: (most: string): string => `Use at most ${most} characters.`,
  },
  copy: {
    copy: 'Copy',
    copied: 'Copied',
    refused: 'The browser did not allow it',
    asJson: 'Copy as JSON',
    output: (label: string): string => `Copy ${label.toLowerCase()}`,
    requestId: 'Copy the request id',
    address: 'Copy the address',
    command: 'Copy the command',
    code: 'Copy the code',
  },
  result: {
    name: 'Result',
    none: 'No result yet',
    noneMore: (kind: string | undefined, hasExamples: boolean): string => `${HOW[kind ?? ''] ?? 'Fill in the form'}${hasExamples ? ' or pick an example' : ''}, then press Run.`,
    noInputs: 'Press Run.',
    loading: 'Loading the model',
    loadingMore: (eta: number | null): string =>
      `${eta === null || eta < RAN_OUT_SECONDS ? 'It has just been started.' : `It takes about ${roughly(eta)} more.`} You can fill in the form; press Run and your request goes first.`,
    cancelled: 'Cancelled',
    cancelledMore: 'Nothing was kept. Press Run to start again.',
    emptyText: 'The model answered with an empty text.',
    emptyValue: 'The model left this empty.',
    endsHere: 'The answer ends here: the model stopped while writing.',
    endsHereCancelled: 'The answer ends here: it was cancelled.',
    requestId: 'Request id',
    waited: 'Waited',
    ran: 'Ran for',
    details: 'Details',
  },
  strip: {
    ready: 'Ready',
    usually: (duration: string): string => `Usually takes ${duration}`,
    wakes: 'The model sleeps; it wakes at the first request',
    unavailable: 'The model is not available now',
    starting: (eta: number | null): string => `Starting${about(eta)}`,
    sending: 'Sending',
    sendingFiles: (share: string): string => `Sending files, ${share}`,
    queued: (position: number, eta: number | null): string => {
      const place = position === 1 ? 'You are next in line' : `You are ${ordinal(position)} in line`
      return `${place}${about(eta)}`
    },
    queuedMore: (before: number): string => `${before === 0 ? 'Nobody' : capital(inWords(before))} before you. Your place is kept while this page is open.`,
    held: (eta: number | null): string => `The model is coming back${about(eta)}`,
    heldMore: 'Your request is kept and runs as soon as it is ready.',
    running: 'Running',
    runningAgain: 'Running again',
    staleMore: 'The last result stays until the new one is here',
    progress: (words: string, share: string): string => (words === '' ? `Running, ${share}` : `${words}, ${share}`),
    soFar: (elapsed: number): string => `${seconds(elapsed)} so far`,
    soFarLeft: (elapsed: number, left: number): string => `${seconds(elapsed)} so far, about ${roughly(left)} left`,
    writing: 'Writing',
    writingWords: (words: number): string => `Writing, ${counted(words, 'word', 'words')}`,
    cut: 'Waiting for the connection',
    cutMore: 'The request goes on at the host; its result appears when the connection is back.',
    cutUnsent: 'The request is sent as soon as the connection is back.',
    retryIn: (wait: number): string => `Trying again in ${count(wait)} s`,
    tries: (attempt: number, of: number): string => `${capital(ORDER[attempt] ?? ordinal(attempt))} of ${of} tries`,
    timeToTry: 'Time until the next try',
    stopTrying: 'Stop trying',
    tryNow: 'Try now',
    done: (duration: number): string => `Done in ${seconds(duration)}`,
    waitedInLine: (wait: number): string => `Waited ${seconds(wait)} in line`,
    startedAtOnce: 'Started at once',
    replayed: 'The model restarted on the way; your request ran again.',
    cancelledAfter: (elapsed: number): string => `Cancelled after ${seconds(elapsed)}`,
    stoppedAfter: (elapsed: number): string => `Stopped after ${seconds(elapsed)}`,
    incomplete: 'Incomplete',
    incompleteWords: (words: number): string => `Incomplete, ${counted(words, 'word', 'words')}`,
    kept: 'The part above is kept',
    inputRefused: 'An input needs a change',
    inputRefusedMore: 'Nothing was run',
    cancel: 'Cancel',
    runAgain: 'Run again',
    others: 'The model is still running for others',
    progressName: 'Progress',
    waitingName: 'Waiting in line',
    heldName: 'Waiting for the model',
    startingName: 'Starting',
    sendingName: 'Sending files',
  },
}

const HOW: Readonly<Record<string, string>> = {
  textbox: 'Type a text', image: 'Choose an image', audio: 'Choose or record a sound', video: 'Choose a video', file: 'Choose a file', gallery: 'Choose images', chatbot: 'Write a message',
}

const ORDER: Readonly<Record<number, string>> = { 1: 'first', 2: 'second', 3: 'third' }
