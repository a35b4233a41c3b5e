/** The icon of each kind of component. */
import AudioLines from '@lucide/svelte/icons/audio-lines'
import Braces from '@lucide/svelte/icons/braces'
import ChartBarDecreasing from '@lucide/svelte/icons/chart-bar-decreasing'
import CodeXml from '@lucide/svelte/icons/code-xml'
import FileIcon from '@lucide/svelte/icons/file'
import Film from '@lucide/svelte/icons/film'
import Hash from '@lucide/svelte/icons/hash'
import Highlighter from '@lucide/svelte/icons/highlighter'
import Image from '@lucide/svelte/icons/image'
import ListChecks from '@lucide/svelte/icons/list-checks'
import MessageSquare from '@lucide/svelte/icons/message-square'
import Table from '@lucide/svelte/icons/table'
import ToggleLeft from '@lucide/svelte/icons/toggle-left'
import Type from '@lucide/svelte/icons/type'

const ICONS: Readonly<Record<string, typeof Type>> = {
  textbox: Type, markdown: Type, html: CodeXml, code: CodeXml, number: Hash, slider: Hash, checkbox: ToggleLeft, checkboxGroup: ListChecks, radio: ListChecks,
  dropdown: ListChecks, image: Image, gallery: Image, audio: AudioLines, video: Film, file: FileIcon, label: ChartBarDecreasing, json: Braces,
  highlightedText: Highlighter, dataframe: Table, chatbot: MessageSquare,
}

export function iconOf(kind: string | undefined): typeof Type {
  return ICONS[kind ?? ''] ?? Type
}
