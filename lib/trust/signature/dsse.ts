/**
 * Returns the bytes that are signed in a DSSE envelope: payload type and payload, each with its
 * length (DSSE v1, protocol.md, "PAE").
 */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}
