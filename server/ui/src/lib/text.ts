/** Every English word of the pages, in one place, so that they can be translated. */
export const text = {
  copy: {
    copied: 'Copied',
    refused: 'The browser did not allow it',
    asJson: 'Copy as JSON',
    output: (label: string): string => `Copy ${label.toLowerCase()}`,
  },
  form: {
    used: (used: string, most: string): string => `${used} of ${most}`,
    optional: 'optional',
    exact: (label: string): string => `${label}, exact`,
    noChoice: 'None',
    yes: 'Yes',
    no: 'No',
    labelExample: 'A word, or { "cat": 0.9, "dog": 0.1 }',
  },
  result: {
    emptyText: 'The model answered with an empty text.',
    emptyValue: 'The model left this empty.',
  },
}
