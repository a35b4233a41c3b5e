import type { Request, Response } from 'express'

/** One route of Gradio's, relative to the model or to the API prefix. What it throws leaves in Gradio's form. */
export interface Route {
  method: 'get' | 'post'
  path: string
  /** The answer is a stream, whose reader takes what it is told; HEAD must not. */
  streams?: true
  handle(req: Request, res: Response): void | Promise<void>
}
