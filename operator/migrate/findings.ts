import type { DecisionCode, NoticeCode } from './migration.ts';
import type { Move } from './moves.ts';
import type { Json, JsonObject } from './value.ts';

/** A field and its value. */
export interface FieldValue {
  readonly pointer: string;
  readonly value: Json;
}

/** A change, by pointers into the object. */
export interface ObjectChange {
  readonly from?: FieldValue;
  readonly to?: FieldValue;
  readonly reason: string;
}

export interface ObjectDecision {
  readonly code: DecisionCode;
  readonly pointer: string;
  readonly message: string;
  readonly choices: readonly string[];
}

export interface ObjectNotice {
  readonly code: NoticeCode;
  readonly pointer: string;
  readonly message: string;
}

/** The result for one object. If something must be decided, the object is as it was. */
export interface MigratedObject {
  readonly object: JsonObject;
  readonly moves: readonly Move[];
  readonly changes: readonly ObjectChange[];
  readonly decisions: readonly ObjectDecision[];
  readonly notices: readonly ObjectNotice[];
}
