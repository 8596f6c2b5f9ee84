/**
 * The verifier's log as data: which instructions it walked, how it got to each, and what it knew of the registers.
 * Formats of Linux 5.10 to 7.x at log levels 1 and 2 (kernel/bpf/verifier.c and log.c, print_verifier_state), with or
 * without source lines. What isn't understood is passed over, so that other formats cost detail and not the whole.
 */

/** What the verifier knows of registers and stack slots in one frame: `R2` to `scalar(umax=7)`, `fp-8` to `mmmmmmmm`. */
export type RegisterStates = ReadonlyMap<string, string>;

export interface Visit {
  /** Slot of the instruction. */
  readonly slot: number;
  /** As the kernel disassembles it: `r0 = *(u32 *)(r1 +8)`. */
  readonly text: string;
  /** Position in `visits` of the instruction before it on this path; absent for the first. */
  readonly before?: number;
  /** Depth of the call: 0 in the program's entry function. */
  readonly frame: number;
  /** All that is known right before it, where the log says so. */
  readonly atEntry?: RegisterStates;
  /** What it changed. */
  readonly changed?: RegisterStates;
}

export interface VerifierLog {
  readonly visits: readonly Visit[];
  /** The verifier's own words on the refusal; empty where the log breaks off before them. */
  readonly message: string;
  /** The instruction that the message names, as in `infinite loop detected at insn 3`. */
  readonly messageSlot: number | undefined;
}

const INSTRUCTION = /^(\d+): \([0-9a-f]{2}\) (.*)$/;
const STATE = /^(\d+): ((?:frame\d+: ?)?(?:R\d|fp).*)$/;
const BRANCH = /^from (\d+) to (\d+): ?(.*)$/;
const RETURN = /^to caller at (\d+):$/;
/** Lines that say nothing of the path or the refusal. */
const NOISE =
  /^(;|func#|Func#|Validating|Live regs|mark_precise|regs=|last_idx|first_idx|parent |propagating|caller:|callee:|returning from|(cur|old) state:|\d+: safe$|processed \d+ insns|verification time|stack depth|subprog \d|At callback return|BTF|arg#|$)/;
/** Newer kernels' own advice stands in blocks of these; ours is in the program's terms. */
const ADVICE = /^(Reason|At|Suggestion):/;
const FRAME = /^frame(\d+): ?/;

/**
 * `R1=ctx() R2_w=scalar(umax=7) fp-8=0000scal` to its parts; values may hold spaces within parentheses. Marks of
 * liveness (`_w`, `_rD`) are left out.
 */
export function parseStates(text: string): RegisterStates {
  const states = new Map<string, string>();
  const start = /(?:^|\s)(R\d+|fp-\d+)(?:_\w+)?=/g;
  const found = [...text.matchAll(start)].filter((match) => depthAt(text, match.index) === 0);
  found.forEach((match, index) => {
    const from = match.index + match[0].length;
    const to = found[index + 1]?.index ?? text.length;
    const [, name = ''] = match;
    const value = text.slice(from, to).trim();
    // Values of spilled registers on old kernels are whole; `refs=` and `cb` after the last slot are not of it.
    states.set(name, value.replace(/ (refs=|cb$|async_cb$).*$/, ''));
  });
  return states;
}

function depthAt(text: string, end: number): number {
  let depth = 0;
  for (let at = 0; at < end; at++) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
  }
  return depth;
}

const isSubprogramCall = (text: string): boolean => /^call pc[+-]/.test(text);

/** The log's lines, read in order. */
class Reader {
  readonly visits: Visit[] = [];
  private readonly message: string[] = [];
  /** Positions of each instruction's visits whose other branch is still to be walked. */
  private readonly open = new Map<number, number[]>();
  private before: number | undefined;
  private frame = 0;
  private atEntry: RegisterStates | undefined;

  line(line: string): void {
    const instruction = INSTRUCTION.exec(line);
    if (instruction) {
      this.instruction(Number(instruction[1]), instruction[2] ?? '');
      return;
    }
    const branch = BRANCH.exec(line);
    if (branch) {
      this.branch(Number(branch[1]), branch[3] ?? '');
      return;
    }
    const state = STATE.exec(line);
    if (state) {
      this.state(state[2] ?? '');
      return;
    }
    if (RETURN.test(line)) this.frame = Math.max(0, this.frame - 1);
    // Indented lines continue what was said before them: caller's and callee's registers, old kernels' details.
    if (NOISE.test(line) || RETURN.test(line) || /^\s/.test(line)) return;
    if (!ADVICE.test(line)) this.message.push(line);
  }

  private state(text: string): void {
    const frame = FRAME.exec(text);
    this.frame = frame ? Number(frame[1]) : 0;
    this.atEntry = parseStates(text.replace(FRAME, ''));
  }

  private instruction(slot: number, whole: string): void {
    const [, text = whole, comment = ''] = /^(.*?)\s*; (.*)$/.exec(whole) ?? [];
    const frame = FRAME.exec(comment);
    const changed = parseStates(comment.replace(FRAME, ''));
    // Words between instructions were about those before: only the last ones are about the refusal.
    this.message.length = 0;
    const at = this.visits.length;
    const own = frame ? Number(frame[1]) : this.frame;
    this.visits.push({
      slot,
      text: text.trim(),
      frame: own,
      ...(this.before !== undefined && { before: this.before }),
      ...(this.atEntry && { atEntry: this.atEntry }),
      ...(changed.size > 0 && { changed }),
    });
    this.before = at;
    this.atEntry = undefined;
    if (/^if /.test(text)) this.open.set(slot, [...(this.open.get(slot) ?? []), at]);
    if (isSubprogramCall(text)) this.frame = own + 1;
    else if (text.trim() === 'exit' && own > 0) this.frame = own - 1;
  }

  /** The verifier takes up the youngest of the branches that it has put aside. */
  private branch(from: number, text: string): void {
    if (text === 'safe' || text.endsWith(': safe')) {
      this.open.get(from)?.pop();
      return;
    }
    const at = this.open.get(from)?.pop();
    this.before = at;
    this.frame = at === undefined ? 0 : (this.visits[at]?.frame ?? 0);
    if (text !== '') this.state(text);
  }

  finish(): VerifierLog {
    const message = this.message.join('; ');
    const named = /\b(?:at insn|insn|instruction) (\d+)/.exec(message)?.[1];
    return { visits: this.visits, message, messageSlot: named === undefined ? undefined : Number(named) };
  }
}

/** Reads a log; a cut one (its head, as rolling logs lose it, or its tail) gives what is there. */
export function parseLog(log: string): VerifierLog {
  const reader = new Reader();
  for (const line of log.split('\n')) reader.line(line.trimEnd());
  return reader.finish();
}

/** Positions of the visits that lead to the one at `last`, it included, in order. */
export function pathTo(log: VerifierLog, last: number): readonly number[] {
  const path: number[] = [];
  for (let at: number | undefined = last; at !== undefined; at = log.visits[at]?.before) path.push(at);
  return path.reverse();
}

/** What is known of the frame's registers right before the last visit of a path. */
export function statesAt(log: VerifierLog, path: readonly number[]): RegisterStates {
  const frames: Map<string, string>[] = [];
  const last = path.at(-1);
  for (const at of path) {
    const visit = log.visits[at];
    if (!visit) continue;
    const known = frames[visit.frame] ?? new Map<string, string>();
    frames[visit.frame] = known;
    frames.length = visit.frame + 1;
    for (const [name, value] of visit.atEntry ?? []) known.set(name, value);
    if (at === last) return known;
    for (const [name, value] of visit.changed ?? []) known.set(name, value);
  }
  return new Map();
}
