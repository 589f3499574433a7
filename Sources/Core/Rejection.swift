/// Why a line was not applied: the closed list of the outside contract.
package enum RejectionCode: UInt8, CaseIterable, Sendable {
    case badJSON = 1
    case notObject
    case missingField
    case badField
    case lineTooLong
    case badUTF8
    case tooDeep
    case futureTimestamp
    case overLimit

    /// The code as clients see it.
    package var text: String {
        switch self {
        case .badJSON: "bad_json"
        case .notObject: "not_object"
        case .missingField: "missing_field"
        case .badField: "bad_field"
        case .lineTooLong: "line_too_long"
        case .badUTF8: "bad_utf8"
        case .tooDeep: "too_deep"
        case .futureTimestamp: "future_timestamp"
        case .overLimit: "over_limit"
        }
    }
}

/// An unusable line: where it stood, why it was refused, and what it said.
package struct Rejection: Sendable, Equatable {
    /// Index of the line among the data lines of its batch, from 0.
    package var line: UInt32
    package var code: RejectionCode
    /// One sentence that names the field or place, for a person.
    package var detail: String
    /// The line as it came, cut to `Limits.deadLetterBytes`.
    package var raw: [UInt8]

    package init(line: UInt32, code: RejectionCode, detail: String, raw: [UInt8]) {
        self.line = line
        self.code = code
        self.detail = detail
        self.raw = raw
    }
}
