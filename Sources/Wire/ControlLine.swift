package import Core

/// Why a control line was not followed; answered with `$error`.
package enum ControlFailure: Error, Equatable {
    case syntax(JSONReadError)
    /// Not an object with one key that begins with `$` and an object as its value.
    case shape
    case unknown(String)
    case missing(String)
    case wrong(member: String, wanted: String)
    case unknownMember(String)
    case tooLong(bytes: Int)
    /// Well formed, but not at this point or not with this content.
    case refused(code: String, detail: String)

    package var code: String {
        switch self {
        case .syntax, .shape: "bad_control"
        case .unknown: "unknown_control"
        case .missing: "missing_field"
        case .wrong, .unknownMember: "bad_field"
        case .tooLong: "line_too_long"
        case .refused(let code, _): code
        }
    }

    package var detail: String {
        switch self {
        case .syntax(let failure): "a control line must be JSON: \(failure)"
        case .shape: "a control line is an object with one key that begins with $ and an object as its value"
        case .unknown(let name): "no such control line here: \(name.prefix(64))"
        case .missing(let member): "\(member) is missing"
        case .wrong(let member, let wanted): "\(member) must be \(wanted)"
        case .unknownMember(let member): "no such field here: \(member.prefix(64))"
        case .tooLong(let bytes): "the control line has \(bytes) bytes"
        case .refused(_, let detail): detail
        }
    }

    /// The answer, newline included.
    package var line: [UInt8] { ControlLine.error(code: code, detail: detail) }
}

/// One control line: `{"$name":{…}}`.
package struct ControlLine {
    /// Arrays and objects inside each other, at most, as the contract has it for every line.
    private static let depthMax = 32

    package let name: String
    private let members: [JSONValue.Member]

    package init(_ bytes: UnsafeRawBufferPointer) throws(ControlFailure) {
        let tree: JSONValue
        do throws(JSONReadError) { tree = try JSONReader.parse(bytes, depth: ControlLine.depthMax) } catch {
            throw .syntax(error)
        }
        guard case .object(let outer) = tree, outer.count == 1, outer[0].key.hasPrefix("$"),
            case .object(let inner) = outer[0].value
        else { throw .shape }
        name = outer[0].key
        members = inner
    }

    /// Refuses members that this control line does not have, so that a misspelt one is noticed.
    package func allow(_ names: String...) throws(ControlFailure) {
        for member in members where !names.contains(member.key) { throw .unknownMember(member.key) }
    }

    /// Null counts as absent.
    private func member(_ key: String) -> JSONValue? {
        guard let value = members.first(where: { $0.key == key })?.value, value != .null else { return nil }
        return value
    }

    package func string(_ key: String) throws(ControlFailure) -> String? {
        guard let value = member(key) else { return nil }
        guard case .string(let text) = value else { throw .wrong(member: key, wanted: "a string") }
        return text
    }

    /// A whole number of 0 or more.
    package func number(_ key: String) throws(ControlFailure) -> Int64? {
        guard let value = member(key) else { return nil }
        guard case .integer(let number) = value, number >= 0 else {
            throw .wrong(member: key, wanted: "a whole number of 0 or more")
        }
        return number
    }

    package func flag(_ key: String) throws(ControlFailure) -> Bool? {
        guard let value = member(key) else { return nil }
        guard case .bool(let flag) = value else { throw .wrong(member: key, wanted: "true or false") }
        return flag
    }

    package func strings(_ key: String) throws(ControlFailure) -> [String]? {
        guard let value = member(key) else { return nil }
        let wanted = ControlFailure.wrong(member: key, wanted: "an array of strings")
        guard case .array(let elements) = value else { throw wanted }
        var texts: [String] = []
        for element in elements {
            guard case .string(let text) = element else { throw wanted }
            texts.append(text)
        }
        return texts
    }

    /// A name of 1 to 256 bytes.
    package func label(_ key: String) throws(ControlFailure) -> String {
        guard let text = try string(key) else { throw .missing(key) }
        guard (1...256).contains(text.utf8.count) else {
            throw .wrong(member: key, wanted: "a string of 1 to 256 bytes")
        }
        return text
    }

    /// `{"$error":{"code":…,"detail":…}}` with its newline.
    package static func error(code: String, detail: String) -> [UInt8] {
        compose("$error") { writer in
            writer.key("code")
            writer.value(code)
            writer.key("detail")
            writer.value(detail)
        }
    }

    /// `{"$name":{…}}` with its newline.
    package static func compose(_ name: StaticString, _ fill: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(capacity: 64)
        writer.beginObject()
        writer.key(name)
        writer.beginObject()
        fill(&writer)
        writer.endObject()
        writer.endObject()
        writer.newline()
        return writer.bytes
    }

    /// Compares a token in a time that does not depend on where the texts differ.
    static func matches(_ given: String, _ token: String) -> Bool {
        let token = Array(token.utf8)
        var difference: UInt8 = given.utf8.count == token.count ? 0 : 1
        for (index, byte) in given.utf8.enumerated() where !token.isEmpty {
            difference |= byte ^ token[index % token.count]
        }
        return difference == 0
    }

    /// Whether a line is a control line by its first bytes: `{"$` after optional space.
    package static func begins(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }.starts(with: "{\"$".utf8)
    }
}
