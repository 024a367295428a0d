import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { FairleadError } from '#lib/errors';

/**
 * Reads a message; fields that the schema does not have are kept and written back. Throws
 * InvalidInput.
 */
export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new FairleadError('InvalidInput', `the message is no ${schema.typeName}`, {
      cause,
      hint: 'The shim must be able to read this call, since it may carry a profile reference.',
    });
  }
}
