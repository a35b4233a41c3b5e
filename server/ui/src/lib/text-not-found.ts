/** The words of unknown addresses; apart, so that only the page that says them loads them. */
export const notFoundText = {
  title: 'There is no page here',
  model: (name: string): string => `No model called “${name}” is hosted here.`,
  page: 'The address may be mistyped, or what was here has moved.',
  toModels: 'To the models',
}
