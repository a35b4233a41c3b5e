import type { ComponentSpec } from '../../workers/components.ts'
import type { ModelSpec, Values } from '../../workers/contract.ts'
import type { PredictionEvent } from '../prediction.ts'
import { renderOutputs } from './values.ts'
import type { RenderContext } from './values.ts'
import { completedMessage, failedMessage, generatingMessage, logMessage, progressMessage } from './messages.ts'
import type { EventMessage } from './messages.ts'
import type { ModelPace } from './pace.ts'

/** One message with whole values. `growth` is there when nothing changed but one text output, by `text` at its end. */
export interface Step {
  message: EventMessage
  growth?: { index: number; text: string }
}

export interface TranscriptSubject {
  eventId: string
  requestId: string
  spec: ModelSpec
  /** What the prediction gives: the model may have become another between the call and its run. */
  outputs(): Readonly<Record<string, ComponentSpec>>
  pace(): ModelPace
}

/** Turns the events of one prediction into messages, in order. Intermediate results are told for generators only. */
export class Transcript {
  readonly #subject: TranscriptSubject
  #outputs: Readonly<Record<string, ComponentSpec>>
  #outputNames: string[]
  #data: unknown[] | null = null
  #position = 0
  #hasStarted = false
  #hasPlace = false

  constructor(subject: TranscriptSubject) {
    this.#subject = subject
    this.#outputs = subject.spec.outputs
    this.#outputNames = Object.keys(this.#outputs)
  }

  /** The id of the last event told; reading goes on after it. */
  get position(): number {
    return this.#position
  }

  /** The messages for the next event. `context` is the reader's, whose address the file URLs carry. */
  next(event: PredictionEvent, context: RenderContext): Step[] {
    this.#position = event.id
    const step = this.#step(event, context)
    if (step === null) return []
    if (this.#hasPlace) return [step]
    // Clients expect every call to have stood in the queue first.
    this.#hasPlace = true
    return step.message.msg === 'estimation' ? [step] : [this.#estimation(0, null), step]
  }

  /** Null for what Gradio has no message for. */
  #step(event: PredictionEvent, context: RenderContext): Step | null {
    const { eventId, requestId } = this.#subject
    switch (event.type) {
      case 'queued':
        return this.#estimation(event.position - 1, event.etaSeconds)
      case 'held':
        return this.#estimation(0, event.etaSeconds)
      case 'started':
        return this.#start()
      case 'replayed':
        return null
      case 'progress':
        return { message: progressMessage(eventId, event.fraction, event.text) }
      case 'notice':
        return { message: logMessage(eventId, event.level, event.text) }
      case 'output':
        return this.#output(event.outputs, context)
      case 'append':
        return this.#append(event.output, event.text)
      case 'done':
        return { message: completedMessage(eventId, this.#data ?? this.#render({}, context), event.runSeconds, this.#subject.pace().usualSeconds) }
      case 'error':
        return { message: failedMessage(eventId, event.error, requestId) }
    }
  }

  #estimation(rank: number, etaSeconds: number | null): Step {
    return { message: { msg: 'estimation', event_id: this.#subject.eventId, rank, queue_size: Math.max(rank + 1, this.#subject.pace().queueSize), rank_eta: etaSeconds } }
  }

  #start(): Step | null {
    if (this.#hasStarted) return null
    this.#hasStarted = true
    return { message: { msg: 'process_starts', event_id: this.#subject.eventId, eta: this.#subject.pace().usualSeconds } }
  }

  #output(outputs: Values, context: RenderContext): Step | null {
    this.#data = this.#render(outputs, context)
    return this.#generating()
  }

  #append(output: string, text: string): Step | null {
    const index = this.#outputNames.indexOf(output)
    const before = this.#data?.[index]
    if (this.#data === null || typeof before !== 'string') return null
    this.#data = this.#data.with(index, before + text)
    const step = this.#generating()
    if (step !== null) step.growth = { index, text }
    return step
  }

  #generating(): Step | null {
    if (!this.#subject.spec.streams || this.#data === null) return null
    return { message: generatingMessage(this.#subject.eventId, this.#data, 0, null) }
  }

  #render(outputs: Values, context: RenderContext): unknown[] {
    const specs = this.#subject.outputs()
    if (specs !== this.#outputs) {
      this.#outputs = specs
      this.#outputNames = Object.keys(specs)
    }
    return renderOutputs(specs, outputs, context)
  }
}
