/** The picture turned by a quarter to the right, as PNG; null when the browser cannot read it. */
export async function turnedRight(url: string, name: string): Promise<File | null> {
  const image = new Image()
  image.src = url
  try {
    await image.decode()
  } catch {
    return null
  }
  const canvas = document.createElement('canvas')
  canvas.width = image.naturalHeight
  canvas.height = image.naturalWidth
  const context = canvas.getContext('2d')
  if (context === null) return null
  context.translate(canvas.width, 0)
  context.rotate(Math.PI / 2)
  context.drawImage(image, 0, 0)
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'))
  return blob === null ? null : new File([blob], `${name.replace(/\.[^.]*$/, '')}.png`, { type: 'image/png' })
}
