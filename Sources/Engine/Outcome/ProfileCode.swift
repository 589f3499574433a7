/// Gender and age of a user in six bits, as far as models look at them: 2 of gender, 4 of the decade of the age.
/// 0 says nothing of either.
struct ProfileCode: BitwiseCopyable, Equatable {
    private(set) var bits: UInt8 = 0

    static let bitCount: UInt16 = 6

    init() {}

    init(bits: UInt8) { self.bits = bits & 0x3F }

    /// By the first letter of what a line says: `F`, `female`, `M`, `male`.
    mutating func take(gender text: UnsafeRawBufferPointer) {
        let letter = text.first.map { $0 | 0x20 }
        let code: UInt8 = letter == UInt8(ascii: "f") ? 1 : letter == UInt8(ascii: "m") ? 2 : 3
        bits = bits & ~3 | code
    }

    /// By the first digit of a band: `40s`, `40-49`.
    mutating func take(ageBand text: UnsafeRawBufferPointer) {
        let digit = text.first.map { $0 &- UInt8(ascii: "0") } ?? 15
        bits = bits & 3 | (digit >= 1 && digit <= 9 ? digit : 15) << 2
    }

    var isFemale: Bool { bits & 3 == 1 }
    var isMale: Bool { bits & 3 == 2 }
    /// Years; nil where it is not known.
    var age: Int64? {
        let decade = bits >> 2
        return decade >= 1 && decade <= 9 ? Int64(decade) * 10 : nil
    }

    /// What a later event says takes the place of what it says of the same.
    mutating func merge(_ later: ProfileCode) {
        if later.bits & 3 != 0 { bits = bits & ~3 | later.bits & 3 }
        if later.bits >> 2 != 0 { bits = bits & 3 | later.bits & ~3 }
    }
}
