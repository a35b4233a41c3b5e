/** What a visitor has typed that is not (yet) a value of its input: kept in the form, refused with its sentence, never sent and never stored. */
export class Unreadable {
  readonly text: string
  /** What to do about it. */
  readonly problem: string

  constructor(text: string, problem: string) {
    this.text = text
    this.problem = problem
  }

  /** Left out of whatever is made of the form's values. */
  toJSON(): undefined {
    return undefined
  }
}
