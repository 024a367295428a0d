import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';

/**
 * Logs each request in one line, when its answer has left: its method, URL and client, the status
 * and the milliseconds that it took. (The log of Fastify has one line more, when a request arrives,
 * for which the busiest routes take longer than for their work.)
 */
export class AccessLog extends LogController {
  override incomingRequest(): void {
    // Logged with its answer.
  }

  override requestCompleted(error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    if (this.isLogDisabled(request)) return;
    const { method, url } = request;
    const record = {
      method,
      url,
      remoteAddress: request.ip,
      statusCode: reply.statusCode,
      responseTime: reply.elapsedTime,
    };
    if (error) request.log.error({ ...record, err: error }, 'request errored');
    else request.log.info(record, 'request completed');
  }
}
