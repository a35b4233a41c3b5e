/** May the page show a picture of this address: inside the text itself, or on this host? All others are refused by the policy, and would tell their host of the visitor. */
export function isOwnPicture(source: string): boolean {
  if (/^data:image\/(png|jpeg|webp|gif|avif|svg\+xml)[;,]/i.test(source)) return true
  return URL.canParse(source) && new URL(source).origin === location.origin
}
