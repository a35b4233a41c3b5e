import { defineModel, image } from 'footlights'

export default defineModel({
  inputs: { picture: image() },
  outputs: { picture: image() },
  predict: ({ picture }) => ({ picture: { path: picture.path } }),
})
