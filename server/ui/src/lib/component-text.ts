/** All words of the components of inputs and outputs, in one place so that they can be translated. */
import { bytesInWords } from '../../../../workers/components/file-rules.ts'

export const bytes = bytesInWords

/** `A`, `A and B`, `A, B and C`. */
function listed(words: readonly string[], joint: string): string {
  const last = words.at(-1) ?? ''
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} ${joint} ${last}`
}

/** Seconds as a clock: `0:07`, `12:30`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0
  const [hours, minutes, rest] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, '0')]
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`
}

export function count(number: number): string {
  return number.toLocaleString('en')
}

function counted(number: number, one: string, many: string): string {
  return `${count(number)} ${number === 1 ? one : many}`
}

export const words = {

  emptyResult: 'The model left this empty.',
  copy: 'Copy',
  copied: 'Copied',
  copyText: 'Copy text',
  copyJson: 'Copy as JSON',
  copyCsv: 'Copy as CSV',
  copyCode: 'Copy code',
  copyImage: 'Copy image',
  notCopied: 'The browser did not allow copying.',
  download: 'Download',
  downloadNamed: (name: string) => `Download ${name}`,
  downloadCsv: 'Download CSV',
  fullScreen: 'Full screen',
  close: 'Close',
  remove: 'Remove',
  removeNamed: (name: string) => `Remove ${name}`,
  choose: 'Choose',

  files: {
    chooseImage: 'Choose an image',
    chooseSound: 'Choose a sound',
    chooseFilm: 'Choose a film',
    chooseFile: 'Choose a file',
    chooseFiles: 'Choose files',
    addFiles: 'Add files',
    addPictures: 'Add pictures',
    dropOrPaste: ', drop it here, or paste',
    dropOrPasteMany: ', drop them here, or paste',
    drop: ', or drop it here',
    addMore: (rules: string) => (rules === '' ? ', drop or paste.' : `, drop or paste. ${rules}.`),
    letGo: { image: 'Let go to use this image', audio: 'Let go to use this sound', video: 'Let go to use this film', file: 'Let go to add it', gallery: 'Let go to add it' },
    replaces: (name: string) => `It replaces ${name}`,
    replacesNothing: 'It replaces nothing',
    replaceHint: 'Drop or paste another to replace it.',
    rules: (kinds: readonly string[], maxSize: number | undefined) => {
      const size = maxSize === undefined ? '' : `up to ${bytesInWords(maxSize)}`
      const named = listed(kinds, 'or')
      return [named, size].filter((part) => part !== '').join(', ').replace(/^up/, 'Up')
    },
    notOfKind: (name: string, kinds: string) => `“${name}” cannot be used here. Use ${kinds}.`,
    tooLarge: (name: string, size: number, maxSize: number) => `“${name}” has ${bytesInWords(size)}. Use a file of at most ${bytesInWords(maxSize)}.`,
    onlyOne: (name: string) => `One file is enough here; “${name}” was taken.`,
    kindWords: { image: 'an image', audio: 'a sound', video: 'a film' },
    byAddress: 'Use an address instead',
    address: 'Address of the file',
    addressHint: 'https://…',
    useAddress: 'Use it',
    notAnAddress: 'Use an address that starts with https:// or http://.',
    fromAddress: 'The host fetches it when you press Run.',
    uploading: (share: number, size: number) => `${Math.round(share * 100)} % of ${bytesInWords(size)}`,
    uploadLabel: (name: string) => `Upload of ${name}`,
    broken: 'The browser cannot show this file. It can still be sent.',
    brokenOutput: 'The browser cannot show this file. It can be downloaded.',
  },

  image: {
    from: 'Where the image comes from',
    file: 'File',
    camera: 'Camera',
    sketch: 'Sketch',
    paste: 'Paste',
    pasteHint: 'Copy an image and press Ctrl + V anywhere on this page.',
    turn: 'Turn right',
    yours: (label: string, name: string) => `${label}: ${name}`,
    before: 'Before',
    after: 'After',
    compare: 'Compare with the input',
    compareHint: 'Drag the handle, or use the arrow keys.',
    compareShare: 'Share of the original shown',
    size: (width: number, height: number) => `${width} × ${height}`,
  },

  camera: {
    explain: 'The browser asks for the camera. The picture is sent only when you press Run.',
    explainFilm: 'The browser asks for camera and microphone. The film is sent only when you press Run.',
    turnOn: 'Turn the camera on',
    take: 'Take the picture',
    turnOff: 'Turn the camera off',
    refused: 'The browser did not give the camera. Allow it in the address bar, or use a file.',
    preview: 'What the camera sees',
    record: 'Record',
    stop: 'Stop',
  },

  sketch: {
    pad: (strokes: number) => (strokes === 0 ? 'Empty sketch pad' : `Sketch of ${counted(strokes, 'stroke', 'strokes')}`),
    tools: 'Drawing tools',
    pen: 'Pen',
    rubber: 'Rubber',
    colours: 'Colour',
    colour: { black: 'Black', red: 'Red', blue: 'Blue', green: 'Green' },
    undo: 'Undo',
    redo: 'Redo',
    clear: 'Clear the pad',
    hint: 'Draw with mouse, finger or pen.',
  },

  audio: {
    from: 'Where the sound comes from',
    microphone: 'Microphone',
    record: 'Record',
    stop: 'Stop recording',
    recording: (seconds: number) => `Recording, ${clock(seconds)}`,
    explain: 'The browser asks for the microphone. The recording is sent only when you press Run.',
    refused: 'The browser did not give the microphone. Allow it in the address bar, or use a file.',
    play: 'Play',
    pause: 'Pause',
    mute: 'Mute',
    unmute: 'Sound on',
    position: 'Position',
    positionText: (at: number, of: number) => `${Math.floor(at)} of ${Math.floor(of)} seconds`,
    time: (at: number, of: number) => `${clock(at)} of ${clock(of)}`,
  },

  gallery: {
    open: (index: number, of: number, caption: string) => (caption === '' ? `Open picture ${index} of ${of}` : `Open picture ${index} of ${of}: ${caption}`),
    picture: (index: number, caption: string) => (caption === '' ? `Picture ${index}` : caption),
    next: 'Next picture',
    previous: 'Previous picture',
    place: (index: number, of: number) => `${index} of ${of}`,
    caption: (name: string) => `Caption of ${name}`,
    captionHint: 'Caption',
    none: 'No pictures',
  },

  json: {
    foldAll: 'Fold all',
    unfoldAll: 'Unfold all',
    values: (number: number) => counted(number, 'value', 'values'),
    keys: (number: number) => counted(number, 'key', 'keys'),
    more: (number: number) => `Show ${count(number)} more`,
    notJson: (why: string) => `This is no JSON yet: ${why}.`,
    hint: 'JSON, for example {"key": "value"}',
  },

  prose: {
    write: 'Write',
    preview: 'Preview',
    views: 'Write or preview',
    nothingToPreview: 'Nothing to preview.',
    image: (alt: string) => (alt === '' ? 'Picture from another site' : `Picture: ${alt}`),
  },

  html: {
    frame: (label: string) => `${label}, the author's own page`,
  },

  highlighted: {
    text: 'Text',
    label: 'Label',
    piece: (index: number) => `Text of piece ${index}`,
    labelOf: (index: number) => `Label of piece ${index}`,
    removePiece: (index: number) => `Remove piece ${index}`,
    add: 'Add a piece',
    noLabel: 'none',
  },

  table: {
    region: (label: string, rows: number) => `${label}, ${counted(rows, 'row', 'rows')}`,
    rows: (number: number) => counted(number, 'row', 'rows'),
    shown: (shown: number, of: number) => `${count(shown)} of ${counted(of, 'row', 'rows')}`,
    search: 'Search in the table',
    searchHint: 'Search',
    row: 'Row',
    addRow: 'Add a row',
    addColumn: 'Add a column',
    removeRow: (index: number) => `Remove row ${index}`,
    removeColumn: (name: string) => `Remove column ${name}`,
    columnName: (index: number) => `Name of column ${index}`,
    cell: (row: number, column: string) => `Row ${row}, ${column}`,
    hint: 'Arrow keys move, Enter edits. Paste from a spreadsheet works.',
    empty: 'The table has no rows.',
    noMatch: 'No row has these words.',
  },

  code: {
    editor: (label: string) => label,
    plain: 'text',
  },

  chat: {
    you: 'You',
    assistant: 'Assistant',
    system: 'Instructions',
    message: 'Message',
    hint: 'Write a message',
    hintRunning: 'Write the next message while it finishes',
    send: 'Send',
    stop: 'Stop',
    stopNamed: 'Stop the answer',
    retry: 'Try again',
    copyAnswer: 'Copy answer',
    keys: ['Enter', ' sends, ', 'Shift', ' + ', 'Enter', ' new line'],
    writing: (wordCount: number) => `Writing, ${counted(wordCount, 'word', 'words')}`,
    written: (wordCount: number) => `Answer of ${counted(wordCount, 'word', 'words')}`,
    empty: 'No messages yet.',
    emptyHint: 'Write one below, then press Enter.',
    conversation: 'Conversation',
    clear: 'New conversation',
    settings: 'Settings',
  },
} as const
