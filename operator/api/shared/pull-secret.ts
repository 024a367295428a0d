import * as v from 'valibot';
import { objectNameSchema } from './object-name.ts';

/** Returns the schema of the Secret with which the operator reads registries. */
export function pullSecretSchema(description: string) {
  return v.pipe(
    v.object({ name: v.pipe(objectNameSchema, v.description('The name of the Secret.')) }),
    v.description(description),
  );
}
