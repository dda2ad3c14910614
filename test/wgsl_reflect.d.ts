// The package's types belong to its root, which Node cannot import; its module file has none.
declare module "wgsl_reflect/wgsl_reflect.module.js" {
  export * from "wgsl_reflect";
}
