import { isMap, isScalar, parseDocument } from "yaml";

/**
 * The services of a stack file (`Pulumi.<stack>.yaml`, its text) in the order in which they are declared: the cutover
 * order, which Pulumi loses, since it hands an object's keys to the program sorted by name. Empty when the file declares none.
 */
export function declaredServices(stackFile: string): string[] {
  const services = parseDocument(stackFile).getIn(["config", "app-roles:services"]);
  if (!isMap(services)) return [];
  return services.items.map(({ key }) => String(isScalar(key) ? key.value : key));
}
