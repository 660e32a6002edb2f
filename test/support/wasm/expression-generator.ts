/** Instructions at random, well typed: expressions that leave one value, statements that leave none. */
import type { SeededRng } from "../seeded-rng.ts";
import { F32, F64, I32, I64, leb, sleb, V128 } from "./encode.ts";

export interface Scope {
  readonly rng: SeededRng;
  /** Types by index, parameters first. */
  readonly locals: readonly number[];
  readonly results: readonly number[];
  readonly functions: readonly (readonly [readonly number[], readonly number[]])[];
  readonly signatures: readonly (readonly [readonly number[], readonly number[]])[];
  /** Labels around this place: blocks and loops without values. */
  readonly depth: number;
}

type Make = (scope: Scope, size: number) => number[];

const NUMERIC = [I32, I64, F32, F64];
const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);

/** Opcodes of one and of two operands, by the type they take and give. */
const UNARY: Readonly<Record<number, readonly number[]>> = {
  [I32]: [...range(0x67, 0x69), 0x45, 0xc0, 0xc1],
  [I64]: [...range(0x79, 0x7b), ...range(0xc2, 0xc4)],
  [F32]: range(0x8b, 0x91),
  [F64]: range(0x99, 0x9f),
};
const BINARY: Readonly<Record<number, readonly number[]>> = {
  [I32]: [...range(0x6a, 0x78), ...range(0x46, 0x4f)],
  [I64]: range(0x7c, 0x8a),
  [F32]: range(0x92, 0x98),
  [F64]: range(0xa0, 0xa6),
};
const COMPARE: Readonly<Record<number, readonly number[]>> = {
  [I64]: range(0x51, 0x5a),
  [F32]: range(0x5b, 0x60),
  [F64]: range(0x61, 0x66),
};
/** From a type to a type. */
const CONVERT: readonly (readonly [to: number, from: number, opcode: readonly number[]])[] = [
  [I32, I64, [0xa7]],
  [I32, F32, [0xa8]],
  [I32, F64, [0xab]],
  [I32, F32, [0xfc, 0]],
  [I32, F64, [0xfc, 3]],
  [I64, I32, [0xac]],
  [I64, I32, [0xad]],
  [I64, F64, [0xb0]],
  [I64, F32, [0xfc, 4]],
  [I64, F64, [0xfc, 7]],
  [F32, I32, [0xb2]],
  [F32, I64, [0xb5]],
  [F32, F64, [0xb6]],
  [F64, I32, [0xb7]],
  [F64, I64, [0xba]],
  [F64, F32, [0xbb]],
];
const LOADS: Readonly<Record<number, readonly (readonly [opcode: number, align: number])[]>> = {
  [I32]: [
    [0x28, 2],
    [0x2c, 0],
    [0x2d, 0],
    [0x2e, 1],
    [0x2f, 1],
  ],
  [I64]: [
    [0x29, 3],
    [0x30, 0],
    [0x33, 1],
    [0x35, 2],
  ],
  [F32]: [[0x2a, 2]],
  [F64]: [[0x2b, 3]],
};
const STORES: Readonly<Record<number, readonly (readonly [opcode: number, align: number])[]>> = {
  [I32]: [
    [0x36, 2],
    [0x3a, 0],
    [0x3b, 1],
  ],
  [I64]: [
    [0x37, 3],
    [0x3e, 2],
  ],
  [F32]: [[0x38, 2]],
  [F64]: [[0x39, 3]],
};

function constant({ rng }: Scope, type: number): number[] {
  if (type === I32) {
    const odd = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 65_535];
    return [0x41, ...sleb(BigInt(rng.below(3) === 0 ? rng.pick(odd) : rng.below(1_000) - 500))];
  }
  if (type === I64) {
    const odd = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)];
    return [0x42, ...sleb(rng.below(3) === 0 ? rng.pick(odd) : BigInt(rng.below(1_000_000)))];
  }
  const odd = [0, -0, 1.5, -1e30, Number.POSITIVE_INFINITY, Number.NaN, 4e9, 1e-40];
  const value = rng.below(2) === 0 ? rng.pick(odd) : rng.float() * 1_000 - 500;
  const bytes = Buffer.alloc(type === F32 ? 4 : 8);
  if (type === F32) bytes.writeFloatLE(value);
  else bytes.writeDoubleLE(value);
  return [type === F32 ? 0x43 : 0x44, ...bytes];
}

/** 0 in place of what is not a number: `x == x ? x : 0`. */
function number(scope: Scope, type: number, size: number): number[] {
  const local = scope.locals.lastIndexOf(type);
  const [equal, zero] =
    type === F32 ? [0x5b, [0x43, 0, 0, 0, 0]] : [0x61, [0x44, ...Array(8).fill(0)]];
  const value = [...expressionOf(scope, type, size), 0x22, ...leb(local)];
  return [...value, ...zero, 0x20, ...leb(local), 0x20, ...leb(local), equal, 0x1b];
}

/** Inside of the memory, mostly. */
function address(scope: Scope, size: number): number[] {
  const mask = [0x41, ...sleb(0xffffn), 0x71];
  return [...expressionOf(scope, I32, size), ...(scope.rng.below(20) === 0 ? [] : mask)];
}

const memoryArgument = (scope: Scope, align: number) => [align, ...leb(scope.rng.below(64))];

/** An instruction sequence that leaves one value of `type`; `size` bounds its nesting. */
export function expressionOf(scope: Scope, type: number, size: number): number[] {
  const { rng } = scope;
  const local = scope.locals.indexOf(type);
  if (size <= 0 || rng.below(5) === 0) {
    return type === V128 || (local >= 0 && rng.below(2) === 0)
      ? [0x20, ...leb(local)]
      : constant(scope, type);
  }
  if (type === V128) return vector(scope, size - 1);
  const makers: Make[] = [
    (s, n) => [...expressionOf(s, type, n), rng.pick(UNARY[type] ?? [])],
    (s, n) => [
      ...expressionOf(s, type, n),
      ...expressionOf(s, type, n),
      rng.pick(BINARY[type] ?? []),
    ],
    (s, n) => convert(s, type, n),
    (s, n) => load(s, type, n),
    (s, n) => [
      ...expressionOf(s, type, n),
      ...expressionOf(s, type, n),
      ...expressionOf(s, I32, n),
      0x1b,
    ],
    (s, n) => [...expressionOf(s, type, n), 0x22, ...leb(local)],
    (s, n) => conditional(s, type, n),
    (s, n) => block(s, type, n),
    (s, n) => call(s, type, n),
    (s, n) => special(s, type, n),
  ];
  return rng.pick(makers)(scope, size - 1);
}

function convert(scope: Scope, type: number, size: number): number[] {
  const [, from, opcode] = scope.rng.pick(CONVERT.filter(([to]) => to === type));
  return [...expressionOf(scope, from, size), ...opcode];
}

function load(scope: Scope, type: number, size: number): number[] {
  const [opcode, align] = scope.rng.pick(LOADS[type] ?? []);
  return [...address(scope, size), opcode, ...memoryArgument(scope, align)];
}

function conditional(scope: Scope, type: number, size: number): number[] {
  const condition = expressionOf(scope, I32, size);
  const arms = [expressionOf(scope, type, size), expressionOf(scope, type, size)] as const;
  return [...condition, 0x04, type, ...arms[0], 0x05, ...arms[1], 0x0b];
}

/** A block that a branch may leave early with the value. */
function block(scope: Scope, type: number, size: number): number[] {
  const value = expressionOf(scope, type, size);
  const early = [...value, ...expressionOf(scope, I32, size), 0x0d, 0];
  return [0x02, type, ...early, 0x0b];
}

/** A direct or an indirect call; the indirect one may trap. */
function call(scope: Scope, type: number, size: number): number[] {
  const { rng, functions, signatures } = scope;
  const fitting = functions.flatMap(([from, to], n) => (to[0] === type ? [{ from, n }] : []));
  const found = fitting.length > 0 ? rng.pick(fitting) : null;
  if (found && rng.below(3) > 0) {
    return [
      ...found.from.flatMap((own) => expressionOf(scope, own, size - 1)),
      0x10,
      ...leb(found.n),
    ];
  }
  const index = signatures.findIndex(([, to]) => to[0] === type);
  const [from] = signatures[index] ?? [[]];
  const place = [...expressionOf(scope, I32, size - 1), 0x41, ...sleb(7n), 0x71];
  return [
    ...from.flatMap((own) => expressionOf(scope, own, size - 1)),
    ...place,
    0x11,
    ...leb(index),
    0,
  ];
}

/** What is not of every type: sizes, references, comparisons, lanes, atomics. */
function special(scope: Scope, type: number, size: number): number[] {
  const { rng } = scope;
  const operand = (own: number) => expressionOf(scope, own, size);
  if (type === F32) return [...number(scope, F32, size), 0xbc, 0xbe];
  if (type === F64) return [...operand(V128), 0xfd, ...leb(33), 0, ...canonical(F64, scope)];
  if (type === I64) {
    const aligned = [...operand(I32), 0x41, ...sleb(0xfff8n), 0x71];
    const add = [...aligned, ...operand(I64), 0xfe, 0x1f, 3, 0];
    return rng.pick([() => add, () => [...number(scope, F64, size), 0xbd], () => [0x23, 2]])();
  }
  const aligned = [...operand(I32), 0x41, ...sleb(0xfffcn), 0x71];
  const numeric = rng.pick([I64, F32, F64]);
  return rng.pick([
    () => [0x3f, 0],
    () => [0x41, ...sleb(BigInt(rng.below(2))), 0x40, 0],
    () => [0xfc, 16, 0],
    () => [...operand(I32), 0x41, ...sleb(7n), 0x71, 0x25, 0, 0xd1],
    () => [0xd2, ...leb(rng.below(scope.functions.length)), 0xd1],
    () => [...operand(numeric), ...operand(numeric), rng.pick(COMPARE[numeric] ?? [])],
    () => [...operand(V128), 0xfd, ...leb(27), rng.below(4)],
    () => [...operand(V128), 0xfd, ...leb(99)],
    () => [...aligned, 0xfe, 0x10, 2, 0],
    () => [...aligned, ...operand(I32), 0xfe, 0x1e, 2, 0],
    () => [...aligned, ...operand(I32), ...operand(I32), 0xfe, 0x48, 2, 0],
    () => [...number(scope, F32, size), 0xbc],
    () => [0x23, 1],
  ])();
}

function canonical(type: number, scope: Scope): number[] {
  const local = leb(scope.locals.lastIndexOf(type));
  const zero = [0x44, ...Array<number>(8).fill(0)];
  return [0x22, ...local, ...zero, 0x20, ...local, 0x20, ...local, 0x61, 0x1b];
}

function vector(scope: Scope, size: number): number[] {
  const { rng } = scope;
  const operand = (own: number) => expressionOf(scope, own, size);
  const binary = [35, 78, 80, 81, 110, 113, 142, 174, 177, 181, 206, 213];
  return rng.pick([
    () => [0xfd, 12, ...rng.bytes(16)],
    () => [...operand(I32), 0xfd, ...leb(rng.pick([15, 16, 17]))],
    () => [...operand(I64), 0xfd, ...leb(18)],
    () => [...operand(V128), ...operand(V128), 0xfd, ...leb(rng.pick(binary))],
    () => [...operand(V128), ...operand(V128), 0xfd, 13, ...range(0, 15).map(() => rng.below(32))],
    () => [...operand(V128), 0xfd, ...leb(77)],
    () => [...operand(V128), ...operand(I32), 0xfd, ...leb(28), rng.below(4)],
    () => [...address(scope, size), 0xfd, 0, 4, 0],
    () => [...address(scope, size), 0xfd, ...leb(92), 2, 0],
    () => [...address(scope, size), ...operand(V128), 0xfd, ...leb(84), 0, 0, rng.below(16)],
  ])();
}

/** Statements one after the other; they leave nothing. */
export function statementsOf(scope: Scope, count: number): number[] {
  return Array.from({ length: count }, () => statement(scope, 3)).flat();
}

function statement(scope: Scope, size: number): number[] {
  const { rng } = scope;
  const inner: Scope = { ...scope, depth: scope.depth + 1 };
  const value = (type: number) => expressionOf(scope, type, size);
  const body = (within: Scope) => (size > 0 ? statement(within, size - 1) : []);
  const type = rng.pick(NUMERIC);
  const small = () => [...value(I32), 0x41, ...sleb(0xffn), 0x71];
  return rng.pick([
    () => assign(scope, size),
    () => store(scope, size),
    () => [...value(type), 0x1a],
    () => [...value(I32), 0x04, 0x40, ...body(inner), 0x05, ...body(inner), 0x0b],
    () => [0x02, 0x40, ...body(inner), ...value(I32), 0x0d, 0, ...body(inner), 0x0b],
    () => loop(inner, size),
    () => branchTable(scope, size),
    () => [...address(scope, size), ...value(I32), ...small(), 0xfc, 11, 0],
    () => [...address(scope, size), ...address(scope, size), ...small(), 0xfc, 10, 0, 0],
    () => [...address(scope, size), 0x41, 0, 0x41, ...sleb(16n), 0xfc, 8, 0, 0],
    () => [0xd2, ...leb(rng.below(scope.functions.length)), 0x41, 1, 0xfc, 15, 0, 0x1a],
    () => [0x41, ...sleb(BigInt(rng.below(8))), 0xd2, 0, 0x26, 0],
    () => [0x41, 0, 0x41, ...sleb(2n), 0x41, ...sleb(2n), 0xfc, 14, 0, 0],
    () => [0xfc, 9, 0],
    () => attempt(inner, size),
    () => [0xfe, 3, 0],
    () => [0x01],
    () => leave(scope, size),
  ])();
}

function assign(scope: Scope, size: number): number[] {
  const { rng, locals } = scope;
  const pick = rng.below(4);
  if (pick === 0) return [...expressionOf(scope, I32, size), 0x24, 1];
  if (pick === 1) return [...expressionOf(scope, I64, size), 0x24, 2];
  const local = rng.below(locals.length);
  return [...expressionOf(scope, locals[local] ?? I32, size), 0x21, ...leb(local)];
}

function store(scope: Scope, size: number): number[] {
  const { rng } = scope;
  const type = rng.pick([...NUMERIC, V128]);
  const to = address(scope, size);
  if (type === V128) return [...to, ...expressionOf(scope, V128, size), 0xfd, 11, 4, 0];
  const [opcode, align] = rng.pick(STORES[type] ?? []);
  const isFloat = type === F32 || type === F64;
  const value = isFloat ? number(scope, type, size) : expressionOf(scope, type, size);
  return [...to, ...value, opcode, ...memoryArgument(scope, align)];
}

/** Turns while there is fuel and something random says so. */
function loop(inner: Scope, size: number): number[] {
  const body = size > 0 ? statement({ ...inner, depth: inner.depth + 1 }, size - 1) : [];
  const burn = [0x23, 0, 0x45, 0x0d, 1, 0x23, 0, 0x41, 1, 0x6b, 0x24, 0];
  const again = [...expressionOf(inner, I32, size - 1), 0x0d, 0];
  return [0x02, 0x40, 0x03, 0x40, ...burn, ...body, ...again, 0x0b, 0x0b];
}

function branchTable(scope: Scope, size: number): number[] {
  const selector = expressionOf(scope, I32, size);
  return [0x02, 0x40, 0x02, 0x40, 0x02, 0x40, ...selector, 0x0e, 2, 0, 1, 2, 0x0b, 0x0b, 0x0b];
}

/** A body that may throw, inside of a catch. */
function attempt(inner: Scope, size: number): number[] {
  const body = size > 0 ? statement({ ...inner, depth: inner.depth + 1 }, size - 1) : [];
  const thrown = [...expressionOf(inner, I32, size - 1), 0x04, 0x40, 0x08, 0, 0x0b];
  return [0x02, 0x40, 0x1f, 0x40, 1, 2, 0, ...body, ...thrown, 0x0b, 0x0b];
}

/** Returns early on a condition, by itself or by a tail call. */
function leave(scope: Scope, size: number): number[] {
  const { rng, functions, results } = scope;
  const [result] = results;
  const same = functions.flatMap(([from, to], n) => (to[0] === result ? [{ from, n }] : []));
  const value = result === undefined ? [] : expressionOf(scope, result, size - 1);
  const tail = rng.pick(same);
  const way =
    rng.below(2) === 0
      ? [...value, 0x0f]
      : [...tail.from.flatMap((own) => expressionOf(scope, own, size - 1)), 0x12, ...leb(tail.n)];
  return [...expressionOf(scope, I32, size - 1), 0x04, 0x40, ...way, 0x0b];
}
