/// Who is held out: a hash of rule and user, so that it stays the same whatever else happens, and so that a
/// greater share holds out whom a smaller one did.
package enum HoldoutSplit {
    /// Whether a user is held out of one rule.
    package static func isHeldOut(_ user: [UInt8], rule: String, share: Double) -> Bool {
        share > 0 && fraction("holdout", rule, user) < share
    }

    /// Whether a user is of the control group, whom nothing is sent.
    package static func isControl(_ user: [UInt8], share: Double) -> Bool {
        share > 0 && fraction("control", "", user) < share
    }

    /// Evenly from 0 up to 1: the first 53 bits of `StableHash` over purpose, rule and user, zero bytes
    /// between them.
    package static func fraction(_ purpose: String, _ rule: String, _ user: [UInt8]) -> Double {
        let bytes = Array(purpose.utf8) + [0] + Array(rule.utf8) + [0] + user
        return Double(StableHash.hash128(bytes).0 >> 11) * 0x1p-53
    }
}
