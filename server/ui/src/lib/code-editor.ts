/** The code editor. It lives in a shadow root, where its styles are objects: the page's policy allows no style elements. */
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { javascript } from '@codemirror/lang-javascript'
import { json } from '@codemirror/lang-json'
import { python } from '@codemirror/lang-python'
import { bracketMatching, HighlightStyle, indentOnInput, type LanguageSupport, syntaxHighlighting } from '@codemirror/language'
import { Compartment, EditorState } from '@codemirror/state'
import { drawSelection, EditorView, highlightSpecialChars, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'

export interface CodeEditor {
  setText(text: string): void
  setReadOnly(isReadOnly: boolean): void
  destroy(): void
}

const LANGUAGES: Readonly<Record<string, () => LanguageSupport>> = {
  python,
  javascript: () => javascript(),
  js: () => javascript(),
  typescript: () => javascript({ typescript: true }),
  ts: () => javascript({ typescript: true }),
  json,
}

const colours = HighlightStyle.define([
  { tag: [tags.comment, tags.meta], color: 'var(--code-comment)' },
  { tag: [tags.keyword, tags.bool, tags.null], color: 'var(--code-keyword)' },
  { tag: [tags.string, tags.regexp], color: 'var(--code-string)' },
  { tag: [tags.number], color: 'var(--code-number)' },
  { tag: [tags.propertyName, tags.function(tags.variableName), tags.typeName, tags.className, tags.definition(tags.variableName)], color: 'var(--code-name)' },
  { tag: [tags.punctuation, tags.operator], color: 'var(--code-punct)' },
])

const look = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'transparent', fontSize: '0.875rem', maxHeight: '28rem' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-code)', lineHeight: '1.6', overflow: 'auto' },
  '.cm-content': { padding: '0.75rem 0', minHeight: '9rem', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 0.9rem' },
  '.cm-gutters': { color: 'var(--ink-3)', backgroundColor: 'transparent', border: '0', paddingLeft: '0.4rem' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': { background: 'var(--accent-soft)' },
  '.cm-matchingBracket': { backgroundColor: 'var(--accent-soft)' },
})

interface Options {
  /** Read aloud. */
  label: string
  language: string
  text: string
  change: (text: string) => void
}

/** Tab leaves it, as it leaves every field: indenting is on Ctrl + `]` and `[`. */
export function createCodeEditor(place: HTMLElement, { label, language, text, change }: Options): CodeEditor {
  const root = place.shadowRoot ?? place.attachShadow({ mode: 'open', delegatesFocus: true })
  const readOnly = new Compartment()
  const support = LANGUAGES[language.toLowerCase()]?.()
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        highlightSpecialChars(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        syntaxHighlighting(colours),
        // Ctrl + Enter is for the page: it runs the model.
        keymap.of([...defaultKeymap.filter(({ key }) => key !== 'Mod-Enter'), ...historyKeymap]),
        look,
        readOnly.of(EditorState.readOnly.of(false)),
        EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) change(update.state.doc.toString())
        }),
        ...(support === undefined ? [] : [support]),
      ],
    }),
  })
  // The focus that the place delegates finds the box that scrolls before the text in it.
  view.scrollDOM.addEventListener('focus', () => view.focus())
  return {
    setText(next) {
      const now = view.state.doc.toString()
      if (now !== next) view.dispatch({ changes: { from: 0, to: now.length, insert: next } })
    },
    setReadOnly: (isReadOnly) => view.dispatch({ effects: readOnly.reconfigure(EditorState.readOnly.of(isReadOnly)) }),
    destroy: () => view.destroy(),
  }
}
