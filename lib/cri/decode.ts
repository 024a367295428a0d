import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { FairleadError } from '#lib/errors';
import { requireWireFormat } from './wire-format.ts';

/**
 * Decodes a message; unknown fields are kept and written back. Throws InvalidInput for bytes
 * that are not a message of this type, and for a message that a runtime could read differently.
 */
export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  try {
    requireWireFormat(schema, bytes);
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new FairleadError('InvalidInput', `invalid message: want ${schema.typeName}`, {
      cause,
      hint: 'The shim must be able to read this call, since it may carry a profile reference.',
    });
  }
}
