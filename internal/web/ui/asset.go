package ui

import (
	"crypto/sha256"
	"encoding/hex"
)

// AssetPrefix is the path below which assets are served.
const AssetPrefix = "/assets/"

// SpritePath is the address of the icons. Its name holds a hash of the
// content, so a browser may keep it for ever.
var SpritePath = AssetPath("icons", ".svg", Sprite())

// AssetPath is the address of an asset with this content.
func AssetPath(stem, ext string, content []byte) string {
	sum := sha256.Sum256(content)
	return AssetPrefix + stem + "-" + hex.EncodeToString(sum[:6]) + ext
}
