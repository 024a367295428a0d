import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { errorMapping, type FairleadError, shownMessage } from '#lib/errors';
import { shorten } from '#lib/text/quote';

/** gRPC status codes that the shim itself returns (https://grpc.io/docs/guides/status-codes/). */
export const grpcCodes = {
  ok: 0,
  cancelled: 1,
  deadlineExceeded: 4,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/**
 * Returns trailers for a status. The message is percent-encoded (gRPC over HTTP/2, Status-Message).
 */
export function statusTrailers(code: number, message: string): OutgoingHttpHeaders {
  return { 'grpc-status': String(code), 'grpc-message': encodeMessage(message) };
}

/**
 * Returns the gRPC status of a FairleadError: the code of its kind, and a message that begins with
 * the kind's CRI prefix (k8s.io/cri-api/pkg/errors, KEP-6061). The kubelet distinguishes passing
 * from lasting failures by it. A failure of the runtime, or of the node's limits, has no prefix: it
 * would report an unavailable registry.
 */
export function errorStatus(error: FairleadError): { code: number; message: string } {
  const { grpc, criPrefix } = errorMapping[error.kind];
  const message = shownMessage(error);
  const text = error.hint === undefined ? message : `${message} (${error.hint})`;
  return { code: grpc, message: criPrefix === undefined || error.local ? text : `${criPrefix}: ${text}` };
}

/**
 * Ends a call with a status: alone (Trailers-Only) if nothing was sent yet, else as trailers
 * after what was sent.
 */
export function endWithStatus(stream: ServerHttp2Stream, code: number, message: string): void {
  if (stream.destroyed || stream.closed) return;
  if (stream.headersSent) {
    stream.removeAllListeners('wantTrailers');
    stream.once('wantTrailers', () => stream.sendTrailers(statusTrailers(code, message)));
    stream.end();
    return;
  }
  const headers = { ':status': 200, 'content-type': 'application/grpc', ...statusTrailers(code, message) };
  stream.respond(headers, { endStream: true });
  // The rest of the request is of no interest: tell the client to stop sending, as gRPC servers do.
  stream.close(constants.NGHTTP2_NO_ERROR);
}

const longestMessage = 4096;

function encodeMessage(message: string): string {
  const bytes = Buffer.from(shorten(message, longestMessage));
  let encoded = '';
  for (const byte of bytes) {
    const printable = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += printable ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
