import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { FairleadError } from '#lib/errors';

/**
 * Decodes a message; unknown fields are kept and written back. Throws InvalidInput.
 */
export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new FairleadError('InvalidInput', `invalid message: want ${schema.typeName}`, {
      cause,
      hint: 'The shim must be able to read this call, since it may carry a profile reference.',
    });
  }
}
