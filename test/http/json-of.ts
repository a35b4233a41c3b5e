/** The JSON of an answer, of a shape that the test knows. */
export async function jsonOf(response: Response): Promise<ReturnType<typeof JSON.parse>> {
  return JSON.parse(await response.text())
}
