/** The abstract machine that the analysis of expressions and of statements share. */
import type { ResultRange } from '../../../machine/contexts.ts';
import type { ProgramKind } from '../../../object/image.ts';
import type { DiagnosticCode } from '../../diagnostics/table.ts';
import type { Expression, FunctionTree, Span, Statement, Variable } from '../../tree/tree.ts';
import { EMPTY, merge, type State, set } from './state.ts';
import { type Abstract, NOTHING } from './values.ts';

export type Report = (code: DiagnosticCode, span: Span, details: Readonly<Record<string, string>>) => void;

/** A loop or a switch that control is in, and the states in which it is left or goes on. */
export interface JumpFrame {
  readonly kind: 'loop' | 'repeat' | 'switch';
  readonly label: string | undefined;
  breaks: State | undefined;
  continues: State | undefined;
}

export const jumpFrame = (node: Extract<Statement, { kind: JumpFrame['kind'] }>): JumpFrame => ({
  kind: node.kind,
  label: node.label,
  breaks: undefined,
  continues: undefined,
});

/** A value and the state in which it was found; no state where control never gets there. */
export interface Outcome {
  readonly state: State | undefined;
  readonly value: Abstract;
}

/** Holds a value while two states merge, so that references in it keep in step with the packet's epoch. */
const RESULT: Variable = { id: 0, name: 'result', type: { kind: 'void' } };

/** Steps after which loops are no longer walked round by round. */
const PATIENCE = 200_000;

export class Machine {
  /** undefined: control never comes here. */
  state: State | undefined = EMPTY;
  readonly jumps: JumpFrame[] = [];
  /** What each active call has returned so far, outermost first. */
  readonly functions: Outcome[] = [];
  /** What the program may return. */
  results: (ResultRange & { readonly kind: ProgramKind }) | undefined;
  /** The calls that control is in, outermost first, by their numbers. */
  readonly path: number[] = [];
  /** Spin locks held. */
  locks = 0;
  /** Bodies of loops that bpf_loop runs, around what is evaluated. */
  rounds = 0;
  /** By the record of a ring buffer: how many of those bodies were around its reservation. */
  readonly roundsAround = new Map<string, number>();
  private readonly numbers = new Map<Expression, number>();
  private readonly spans = new Map<string, Span>();
  private epochs = 0;
  private muted = 0;
  private steps = 0;
  private readonly reporter: Report;
  readonly evaluate: (machine: Machine, node: Expression) => Abstract;
  readonly run: (machine: Machine, node: Statement) => void;
  readonly call: (machine: Machine, callee: FunctionTree, given: readonly Abstract[]) => Abstract;

  constructor(reporter: Report, evaluate: Machine['evaluate'], run: Machine['run'], call: Machine['call']) {
    this.reporter = reporter;
    this.evaluate = evaluate;
    this.run = run;
    this.call = call;
  }

  readonly fresh = (): number => {
    this.epochs += 1;
    return this.epochs;
  };

  merge(a: State | undefined, b: State | undefined): State | undefined {
    return merge(a, b, this.fresh);
  }

  /** Where two ways to a value meet. */
  meet(a: Outcome, b: Outcome): Outcome {
    const held = (one: Outcome) => one.state && set(one.state, RESULT, one.value);
    const state = this.merge(held(a), held(b));
    return { state, value: state?.variables.get(RESULT) ?? NOTHING };
  }

  step(): void {
    this.steps += 1;
  }

  isPatient(): boolean {
    return this.steps < PATIENCE;
  }

  report(code: DiagnosticCode, span: Span, details: Readonly<Record<string, string>> = {}): void {
    if (this.muted === 0 && this.state !== undefined) this.reporter(code, span, details);
  }

  /** A number of an expression's own. */
  numberOf(node: Expression): number {
    const known = this.numbers.get(node) ?? this.numbers.size;
    this.numbers.set(node, known);
    return known;
  }

  /** A name for an expression where it is reached by the calls that control is in. */
  placeOf(node: Expression): string {
    const place = [...this.path, this.numberOf(node)].join();
    this.spans.set(place, node.span);
    return place;
  }

  /** The span of what `placeOf` named. */
  spanOf(place: string): Span | undefined {
    return this.spans.get(place);
  }

  /** Refuses what asks the kernel for something while a lock is held (check_helper_call, kernel/bpf/verifier.c). */
  forbidLocked(what: string, span: Span): void {
    if (this.locks > 0) this.report('N3016', span, { what });
  }

  /** Runs without reports: a first look at a loop whose entry is not known in full. */
  quietly(work: () => void): void {
    this.muted += 1;
    work();
    this.muted -= 1;
  }

  /** A helper may have moved the packet. */
  invalidate(): void {
    if (this.state !== undefined) this.state = { ...this.state, epoch: this.fresh() };
  }
}
