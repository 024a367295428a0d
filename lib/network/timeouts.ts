/** Milliseconds: to connect, from request to response headers, and between two pieces of a body. */
export interface Timeouts {
  readonly connect: number;
  readonly headers: number;
  readonly body: number;
}
