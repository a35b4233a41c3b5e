import { writeSection as writeSectionOf } from '../helpers/page-section.ts'

/** Puts text between the marks of a section of docs/reliability.md. @throws when the page has no such section. */
export function writeSection(section: 'drills' | 'kill-under-load' | 'soak', text: string): Promise<void> {
  return writeSectionOf('reliability.md', section, text)
}
