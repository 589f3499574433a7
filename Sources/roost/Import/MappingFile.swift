import Core

/// Reads a mapping (JSON5), and says everything that is wrong with it, with line and key.
struct MappingFile {
    private var problems: [SettingsProblem] = []

    static func load(_ path: String) throws(CommandFailure) -> ImportMapping {
        try reading(path) { text throws(SettingsFailure) in try read(text) }
    }

    /// Reads `{category: "group", …}`, the table of `--groups`.
    static func groups(_ path: String) throws(CommandFailure) -> [String: String?] {
        try reading(path) { text throws(SettingsFailure) in
            try walking(text) { file, root in file.table(root, []) }
        }
    }

    static func read(_ text: String) throws(SettingsFailure) -> ImportMapping {
        try walking(text) { file, root in file.mapping(root, []) }
    }

    private static func reading<Value>(
        _ path: String, _ read: (String) throws(SettingsFailure) -> Value
    ) throws(CommandFailure) -> Value {
        let bytes: [UInt8]
        do throws(SystemFailure) { bytes = try File.read(path: path) } catch {
            throw CommandFailure("\(error)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure("\(path) is not UTF-8")
        }
        do throws(SettingsFailure) {
            return try read(text)
        } catch {
            throw CommandFailure(error.problems.map { "\(path): \($0)" }.joined(separator: "\n"))
        }
    }

    private static func walking<Value>(
        _ text: String, _ walk: (inout MappingFile, JSON5Node) -> Value
    ) throws(SettingsFailure) -> Value {
        let root: JSON5Node
        do throws(JSON5Error) {
            root = try JSON5Reader.read(text)
        } catch {
            throw SettingsFailure(problems: [
                .init(
                    path: error.path, line: error.place.line, column: error.place.column, reason: error.reason
                )
            ])
        }
        var file = MappingFile()
        let value = walk(&file, root)
        guard file.problems.isEmpty else {
            throw SettingsFailure(
                problems: file.problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) })
        }
        return value
    }

    private static let keys = [
        "encoding", "delimiter", "columns", "timezone", "day_order", "time", "fields", "optional",
        "constants",
        "values", "bands", "basket", "refund", "name_without_value", "levels", "absent", "whole", "services",
    ]

    private mutating func mapping(_ node: JSON5Node, _ path: [String]) -> ImportMapping {
        var mapping = ImportMapping()
        for member in members(node, path, known: Self.keys) {
            take(member, path + [member.key], into: &mapping)
        }
        guard problems.isEmpty else { return mapping }
        if mapping.instant.isEmpty, mapping.date.isEmpty {
            report(path, node, "time is missing: {instant: COLUMN} or {date: COLUMN, clock: COLUMN}")
        }
        for field in ["user", "name"] where mapping.fields[field] == nil && mapping.constants[field] == nil {
            report(path, node, "\(field) is missing: name its column in fields, or a value in constants")
        }
        return mapping
    }

    private mutating func take(
        _ member: JSON5Node.Member, _ path: [String], into mapping: inout ImportMapping
    ) {
        let node = member.value
        switch member.key {
        case "encoding": mapping.encoding = encoding(node, path) ?? .utf8
        case "delimiter": mapping.delimiter = delimiter(node, path)
        case "columns": mapping.columns = columnLists(node, path)
        case "timezone": mapping.zone = zone(node, path) ?? .utc
        case "day_order": mapping.dayOrder = dayOrder(node, path)
        case "time": time(node, path, into: &mapping)
        case "fields":
            mapping.fields = named(node, path, known: ImportMapping.knownFields) { $0.texts($1, $2) }
        case "optional": mapping.optional = Set(names(node, path, known: ImportMapping.knownFields))
        case "constants":
            mapping.constants = named(node, path, known: ImportMapping.knownFields) { $0.text($1, $2) ?? "" }
        case "values":
            mapping.values = named(node, path, known: ImportMapping.knownFields) { $0.table($1, $2) }
        case "bands":
            mapping.bands = named(node, path, known: ImportMapping.texts) { $0.bands($1, $2) }
        case "basket": mapping.basket = texts(node, path)
        case "refund": mapping.refund = refund(node, path)
        case "name_without_value": mapping.nameWithoutValue = text(node, path)
        case "levels": mapping.levels = named(node, path, known: nil) { $0.texts($1, $2) }
        case "absent": mapping.absent = Set(texts(node, path))
        case "whole": mapping.whole = Set(names(node, path, known: ImportMapping.knownFields))
        default:
            if path.count > 1 {
                report(path, node, "services have no services of their own")
            } else {
                mapping.services = [self.mapping(node, path)]
            }
        }
    }
}

// MARK: Values

extension MappingFile {
    private mutating func report(_ path: [String], _ node: JSON5Node, _ reason: String) {
        problems.append(
            .init(
                path: path.joined(separator: "."), line: node.place.line, column: node.place.column,
                reason: reason))
    }

    /// Members of an object whose keys are known (nil: free) and stand once.
    private mutating func members(
        _ node: JSON5Node, _ path: [String], known: [String]?
    ) -> [JSON5Node.Member] {
        guard case .object(let members) = node.content else {
            report(path, node, "must be an object, not \(node.value.kindText)")
            return []
        }
        var seen: Set<String> = []
        return members.filter { member in
            let marker = JSON5Node(place: member.place, content: .scalar(.null))
            if let known, !known.contains(member.key) {
                let near = Spelling.nearest(to: member.key, among: known)
                let hint =
                    near.map { "did you mean \($0)?" } ?? "known here are \(known.joined(separator: ", "))"
                report(path + [member.key], marker, "unknown key; \(hint)")
                return false
            }
            if !seen.insert(member.key).inserted { report(path + [member.key], marker, "given twice") }
            return true
        }
    }

    private mutating func named<Value>(
        _ node: JSON5Node, _ path: [String], known: [String]?,
        _ read: (inout MappingFile, JSON5Node, [String]) -> Value
    ) -> [String: Value] {
        var result: [String: Value] = [:]
        for member in members(node, path, known: known) {
            result[member.key] = read(&self, member.value, path + [member.key])
        }
        return result
    }

    private mutating func text(_ node: JSON5Node, _ path: [String]) -> String? {
        if case .string(let text) = node.value, !text.isEmpty { return text }
        report(path, node, "must be a string that is not empty")
        return nil
    }

    /// A string, or a list of them.
    private mutating func texts(_ node: JSON5Node, _ path: [String]) -> [String] {
        guard case .array(let elements) = node.content else { return text(node, path).map { [$0] } ?? [] }
        if elements.isEmpty { report(path, node, "must name at least one") }
        return elements.enumerated().compactMap { text($1, path + ["\($0)"]) }
    }

    private mutating func names(_ node: JSON5Node, _ path: [String], known: [String]) -> [String] {
        let names = texts(node, path)
        for name in names where !known.contains(name) {
            report(path, node, "no field \"\(name)\"; fields are \(known.joined(separator: ", "))")
        }
        return names
    }

    private mutating func table(_ node: JSON5Node, _ path: [String]) -> [String: String?] {
        named(node, path, known: nil) { $1.value == .null ? nil : $0.text($1, $2) }
    }

    private mutating func encoding(_ node: JSON5Node, _ path: [String]) -> TextEncoding? {
        guard let name = text(node, path) else { return nil }
        if name.hasPrefix("utf-8 or ") {
            let other = String(name.dropFirst(9))
            if case .named = TextEncoding(other) { return .utf8Or(other) }
        }
        if let encoding = TextEncoding(name) { return encoding }
        report(path, node, "no encoding \"\(name)\" on this machine")
        return nil
    }

    private mutating func delimiter(_ node: JSON5Node, _ path: [String]) -> Delimiter? {
        guard let name = text(node, path) else { return nil }
        if let delimiter = Delimiter(name) { return delimiter }
        report(path, node, Delimiter.wanted)
        return nil
    }

    private mutating func zone(_ node: JSON5Node, _ path: [String]) -> Zone? {
        guard let name = text(node, path) else { return nil }
        if let zone = ZoneTable.zone(named: name) { return zone }
        report(path, node, "no time zone \"\(name)\" on this machine")
        return nil
    }

    private mutating func dayOrder(_ node: JSON5Node, _ path: [String]) -> ImportMapping.DayOrder {
        if case .string(let name) = node.value, let order = ImportMapping.DayOrder(rawValue: name) {
            return order
        }
        report(path, node, "must be \"month_first\" or \"day_first\"")
        return .monthFirst
    }

    private mutating func time(_ node: JSON5Node, _ path: [String], into mapping: inout ImportMapping) {
        for member in members(node, path, known: ["instant", "date", "clock"]) {
            let columns = texts(member.value, path + [member.key])
            switch member.key {
            case "instant": mapping.instant = columns
            case "date": mapping.date = columns
            default: mapping.clock = columns
            }
        }
        if !mapping.clock.isEmpty, mapping.date.isEmpty { report(path, node, "clock needs date") }
    }

    /// A list of names, or several such lists.
    private mutating func columnLists(_ node: JSON5Node, _ path: [String]) -> [[String]] {
        guard case .array(let elements) = node.content, case .array = elements.first?.content else {
            return [texts(node, path)]
        }
        return elements.enumerated().map { texts($1, path + ["\($0)"]) }
    }

    private mutating func refund(_ node: JSON5Node, _ path: [String]) -> ImportMapping.Refund? {
        var refund = ImportMapping.Refund(columns: [], prefix: "")
        for member in members(node, path, known: ["column", "prefix"]) {
            if member.key == "column" {
                refund.columns = texts(member.value, path + ["column"])
            } else {
                refund.prefix = text(member.value, path + ["prefix"]) ?? ""
            }
        }
        if refund.columns.isEmpty || refund.prefix.isEmpty { report(path, node, "needs column and prefix") }
        return refund
    }

    private mutating func bands(_ node: JSON5Node, _ path: [String]) -> Bands {
        var bands = Bands(edges: [])
        for member in members(node, path, known: ["edges", "birth_years"]) {
            if member.key == "birth_years" {
                if case .bool(let flag) = member.value.value {
                    bands.birthYears = flag
                } else {
                    report(path + ["birth_years"], member.value, "must be true or false")
                }
            } else if case .array(let elements) = member.value.value {
                bands.edges = elements.compactMap {
                    if case .integer(let edge) = $0 { Int(edge) } else { nil }
                }
                if bands.edges.count != elements.count { bands.edges = [] }
            }
        }
        if Bands.edges(bands.edges) == nil {
            report(path, node, "needs edges: ascending whole numbers from 1 to 150, such as [20, 30, 40]")
        }
        return bands
    }
}

extension Delimiter {
    static let wanted = "a delimiter is one ASCII character, or tab, or blanks"

    init?(_ name: String) {
        switch name {
        case "tab", "\t", "\\t": self = .byte(0x09)
        case "blanks": self = .blanks
        default:
            guard let byte = name.utf8.first, name.utf8.count == 1, byte > 0x20, byte < 0x7F,
                byte != UInt8(ascii: "\"")
            else { return nil }
            self = .byte(byte)
        }
    }
}
