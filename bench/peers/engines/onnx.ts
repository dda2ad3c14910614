/**
 * ONNX models as bytes: the few protobuf messages that a model of some nodes needs.
 *
 * @see onnx/onnx, onnx/onnx.proto: the field numbers
 */
import type { HostArray } from "../../../engine/graph.ts";

/** An attribute of a node: a whole number or several. */
type Attribute = number | readonly number[];

/** ONNX Runtime's own operations. */
export const CONTRIBUTED = "com.microsoft";

/** One operation of a model, from tensors to tensors by name. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Who defines the operation; ONNX itself when left out. */
  readonly domain?: typeof CONTRIBUTED;
}

/** A result of a model. */
export interface OnnxOutput {
  readonly dtype: "f32" | "i64";
  readonly rank: number;
}

/** A model whose operands are built in, so that they are on the device before a run. */
export interface OnnxModel {
  readonly constants: Readonly<Record<string, HostArray | BigInt64Array>>;
  readonly nodes: readonly OnnxNode[];
  readonly outputs: Readonly<Record<string, OnnxOutput>>;
}

const IR_VERSION = 8;
const OPSETS = { "": 17, [CONTRIBUTED]: 1 };
const ELEMENT_TYPE = { f32: 1, i64: 7 } as const; // TensorProto.DataType
const ATTRIBUTE_TYPE = { int: 2, ints: 7 } as const; // AttributeProto.AttributeType

/** A number in groups of seven bits, the lowest first; negative ones in 64 bits. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const more = rest >> 7n;
    bytes.push(Number(rest & 0x7fn) | (more > 0n ? 0x80 : 0));
    rest = more;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const whole = (field: number, value: number) => Buffer.concat([varint(field << 3), varint(value)]);

function bytes(field: number, content: string | Uint8Array): Buffer {
  const data = typeof content === "string" ? Buffer.from(content) : content;
  return Buffer.concat([varint((field << 3) | 2), varint(data.length), data]);
}

const message = (field: number, parts: readonly Buffer[]) => bytes(field, Buffer.concat(parts));

function attribute(name: string, value: Attribute): Buffer {
  const content =
    typeof value === "number"
      ? [whole(3, value), whole(20, ATTRIBUTE_TYPE.int)]
      : [...value.map((v) => whole(8, v)), whole(20, ATTRIBUTE_TYPE.ints)];
  return message(5, [bytes(1, name), ...content]);
}

function node({ op, inputs, outputs, attributes = {}, domain }: OnnxNode): Buffer {
  return message(1, [
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, op),
    ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    ...(domain ? [bytes(7, domain)] : []),
  ]);
}

function initializer(name: string, value: HostArray | BigInt64Array): Buffer {
  const list = value instanceof BigInt64Array;
  const { buffer, byteOffset, byteLength } = list ? value : value.data;
  return message(5, [
    ...(list ? [value.length] : value.shape).map((d) => whole(1, d)),
    whole(2, ELEMENT_TYPE[list ? "i64" : "f32"]),
    bytes(8, name),
    bytes(9, new Uint8Array(buffer, byteOffset, byteLength)),
  ]);
}

function output(name: string, { dtype, rank }: OnnxOutput): Buffer {
  const dimension = message(1, [bytes(2, "any")]);
  const shape = message(
    2,
    Array.from({ length: rank }, () => dimension),
  );
  const type = message(1, [whole(1, ELEMENT_TYPE[dtype]), shape]);
  return message(12, [bytes(1, name), message(2, [type])]);
}

/** The bytes of a model, as an ONNX file holds them. */
export function encodeOnnx({ constants, nodes, outputs }: OnnxModel): Uint8Array {
  return Buffer.concat([
    whole(1, IR_VERSION),
    message(7, [
      ...nodes.map(node),
      bytes(2, "bench"),
      ...Object.entries(constants).map(([name, value]) => initializer(name, value)),
      ...Object.entries(outputs).map(([name, value]) => output(name, value)),
    ]),
    ...Object.entries(OPSETS).map(([domain, version]) =>
      message(8, [bytes(1, domain), whole(2, version)]),
    ),
  ]);
}
