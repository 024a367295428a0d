import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { endWithStatus, grpcCodes } from '../../lib/cri/grpc-status.ts';
import { carryHeaders } from '../../lib/cri/headers.ts';

/**
 * Passes the runtime's answer to the client as it comes: headers, data frames, trailers,
 * Trailers-Only, resets. A runtime that goes away becomes UNAVAILABLE, which is what the client
 * would have made of a lost connection.
 */
export function relayAnswer(client: ServerHttp2Stream, runtime: ClientHttp2Stream): void {
  relayHead(client, runtime);
  runtime.on('data', (chunk: Buffer) => {
    if (!client.writable || client.write(chunk)) return;
    runtime.pause();
    client.once('drain', () => runtime.resume());
  });
  runtime.on('end', () => {
    if (client.headersSent && !client.writableEnded && !client.destroyed) client.end();
  });
  relayEnd(client, runtime);
}

/** Passes the request body of the client to the runtime as it comes, and its end. */
export function relayRequest(client: ServerHttp2Stream, runtime: ClientHttp2Stream): void {
  client.on('data', (chunk: Buffer) => {
    if (!runtime.writable || runtime.write(chunk)) return;
    client.pause();
    runtime.once('drain', () => client.resume());
  });
  client.on('end', () => {
    if (!runtime.writableEnded && !runtime.destroyed) runtime.end();
  });
}

/** Passes the response headers on when they come, and the trailers after the last data frame. */
export function relayHead(client: ServerHttp2Stream, runtime: ClientHttp2Stream): void {
  let trailers: OutgoingHttpHeaders = {};
  runtime.on('response', (_headers, flags, raw: string[]) => {
    if (client.destroyed || client.closed) return;
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    orReset(client, () => client.respond(carryHeaders(raw), withoutDate({ endStream, waitForTrailers: !endStream })));
  });
  runtime.on('trailers', (_headers, _flags, raw: string[]) => {
    trailers = carryHeaders(raw);
  });
  client.on('wantTrailers', () => {
    orReset(client, () => client.sendTrailers(trailers));
    // The call has ended even if the client has not sent all: tell it to stop, as gRPC servers do.
    if (!client.readableEnded) client.close(constants.NGHTTP2_NO_ERROR);
  });
}

/**
 * Passes the end of either side to the other: a cancelled call, a reset stream, a lost connection.
 */
export function relayEnd(client: ServerHttp2Stream, runtime: ClientHttp2Stream): void {
  const { session } = runtime;
  runtime.on('error', () => undefined); // its reason is read from rstCode when the stream closes
  client.on('error', () => undefined);
  runtime.on('close', () => {
    if (client.destroyed || client.closed) return;
    const code = runtime.rstCode;
    if (runtime.readableEnded && client.headersSent && code === constants.NGHTTP2_NO_ERROR) return;
    if (session === undefined || session.destroyed) {
      endWithStatus(client, grpcCodes.unavailable, 'the container runtime is not reachable behind the shim');
    } else {
      client.close(code);
    }
  });
  client.on('close', () => {
    if (runtime.destroyed || runtime.closed) return;
    runtime.close(client.rstCode === constants.NGHTTP2_NO_ERROR ? constants.NGHTTP2_CANCEL : client.rstCode);
  });
}

/**
 * Sends headers. If Node refuses to send them, ends only this call: an error that an event handler
 * throws would end the process.
 */
function orReset(client: ServerHttp2Stream, send: () => void): void {
  try {
    send();
  } catch {
    client.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

/** Keeps Node from adding a `date` header, which the runtime did not send. */
function withoutDate<T extends object>(options: T): T & { sendDate: false } {
  return { ...options, sendDate: false };
}
