/** Formulas as MathML, which browsers draw by themselves: no fonts and no styles of its own. Loaded when a text has a formula. */
import katex from 'katex'

/** What cannot be read as a formula is shown as it was written, in its error element. */
export function formula(source: string, isBlock: boolean): string {
  return katex.renderToString(source, { output: 'mathml', displayMode: isBlock, throwOnError: false, strict: 'ignore', trust: false, maxExpand: 500, maxSize: 20 })
}
