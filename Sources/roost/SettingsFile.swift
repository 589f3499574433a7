import Core

/// Something wrong with a configuration file.
struct SettingsProblem: Equatable, CustomStringConvertible {
    /// With dots, empty for the file as a whole.
    var path: String
    /// Both from 1; 0 where the file could not be read.
    var line: Int
    var column: Int
    var reason: String

    var description: String {
        let place = line > 0 ? "line \(line), column \(column): " : ""
        return path.isEmpty ? "\(place)\(reason)" : "\(place)\(path): \(reason)"
    }
}

/// Everything that is wrong with a configuration file, in the order of its lines.
struct SettingsFailure: Error, Equatable {
    var problems: [SettingsProblem]
}

/// Reads `config/roost.json5` and its like into `Settings`.
enum SettingsFile {
    static func load(_ path: String) throws(SettingsFailure) -> Settings {
        let bytes: [UInt8]
        do throws(SystemFailure) {
            bytes = try File.read(path: path)
        } catch {
            throw SettingsFailure(problems: [.init(path: "", line: 0, column: 0, reason: "\(error)")])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingsFailure(problems: [
                .init(path: "", line: 0, column: 0, reason: "\(path) is not UTF-8")
            ])
        }
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        return try read(text, beside: directory)
    }

    /// - Parameters:
    ///   - directory: where the file stands, ending in a slash; a playbook is looked for there.
    ///   - zone: looks a time zone up; a test gives its own.
    static func read(
        _ text: String, beside directory: String = "", zone: (String) -> Zone? = ZoneTable.zone(named:)
    ) throws(SettingsFailure) -> Settings {
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
        var walk = SettingsWalk()
        walk.readPlaybook(root, in: directory, zone: zone)
        walk.visit(root, path: [], zone: zone)
        if walk.problems.isEmpty { walk.readExcluded() }
        if walk.problems.isEmpty { walk.readCatalogue() }
        if walk.problems.isEmpty { walk.checkConflicts() }
        guard walk.problems.isEmpty else {
            throw SettingsFailure(
                problems: walk.problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) })
        }
        return walk.settings
    }

    /// The file as it is shipped: every key with its default and its sentence.
    static func shipped() -> String {
        var out = """
            // Roost's configuration (JSON5). Every key is here with its default and may be left out.
            // An unknown key, a wrong type or an impossible value stops the start; `roost check --config FILE`
            // says everything that is wrong. Durations are "500ms", "30s", "30m", "24h", "25d".
            // SIGHUP takes over a changed `triggers` and `models`; everything else needs a restart.

            """
        let tree = ShippedTree(keys: SettingsKeys.all)
        tree.write(into: &out)
        return out
    }
}

/// Walks a file along the table of keys.
struct SettingsWalk {
    var settings = Settings()
    var problems: [SettingsProblem] = []
    /// Where each key that was given stands.
    var places: [String: JSON5Node.Place] = [:]

    static let keys = Dictionary(uniqueKeysWithValues: SettingsKeys.all.map { ($0.path, $0) })
    /// Every path that leads to a key, `listen` and `listen.ingest` for `listen.ingest.address`.
    static let groups: Set<String> = {
        var groups: Set<String> = [""]
        for key in SettingsKeys.all {
            var parts = key.path.split(separator: ".")
            while parts.count > 1 {
                parts.removeLast()
                groups.insert(parts.joined(separator: "."))
            }
        }
        return groups
    }()

    mutating func report(_ path: [String], _ place: JSON5Node.Place, _ reason: String) {
        problems.append(
            .init(path: path.joined(separator: "."), line: place.line, column: place.column, reason: reason))
    }

    mutating func visit(_ node: JSON5Node, path: [String], zone: (String) -> Zone?) {
        let name = path.joined(separator: ".")
        places[name] = node.place
        if let key = Self.keys[name] {
            visitFree(node, path: path)
            do throws(SettingRefusal) {
                try key.apply(node.value, to: &settings, zone: zone)
            } catch {
                report(path + error.below, node.place(below: error.below), error.reason)
            }
            return
        }
        // An age alone says how long is kept.
        if case .string = node.value, path.first == "retention", Self.keys["\(name).age"] != nil {
            return visit(node, path: path + ["age"], zone: zone)
        }
        guard case .object(let members) = node.content else {
            let wanted = path.isEmpty ? "the configuration is an object, { … }" : "must be an object"
            return report(path, node.place, "\(wanted), not \(node.value.kindText)")
        }
        visit(members, path: path, zone: zone)
    }

    private mutating func visit(_ members: [JSON5Node.Member], path: [String], zone: (String) -> Zone?) {
        var seen: [String: Int] = [:]
        for member in members {
            let below = path + [member.key]
            let name = below.joined(separator: ".")
            if let line = seen[member.key] {
                report(below, member.place, "given twice, first in line \(line)")
            } else if path == ["triggers"], isRule(member) {
                visitRule(member, zone: zone)
            } else if member.key.contains(".") || (Self.keys[name] == nil && !Self.groups.contains(name)) {
                report(below, member.place, unknown(member.key, in: path.joined(separator: ".")))
            } else {
                visit(member.value, path: below, zone: zone)
            }
            seen[member.key] = seen[member.key] ?? member.place.line
        }
    }

    /// Below a key whose members are free, such as the names of fields.
    private mutating func visitFree(_ node: JSON5Node, path: [String]) {
        guard case .object(let members) = node.content else { return }
        var seen: [String: Int] = [:]
        for member in members {
            if let line = seen[member.key] {
                report(path + [member.key], member.place, "given twice, first in line \(line)")
            }
            seen[member.key] = seen[member.key] ?? member.place.line
            places["\(path.joined(separator: ".")).\(member.key)"] = member.place
        }
    }

    func unknown(_ key: String, in group: String) -> String {
        let prefix = group.isEmpty ? "" : group + "."
        let siblings = Set(
            SettingsKeys.all.filter { $0.path.hasPrefix(prefix) }
                .map { String($0.path.dropFirst(prefix.count).prefix { $0 != "." }) })
        if let near = Spelling.nearest(to: key, among: siblings.sorted()) {
            return "unknown key; did you mean \(near)?"
        }
        if let elsewhere = SettingsKeys.all.first(where: { $0.path.hasSuffix("." + key) }) {
            return "unknown key here; there is \(elsewhere.path)"
        }
        return "unknown key; known here are \(siblings.sorted().joined(separator: ", "))"
    }

    /// Items that the file of `models.recommendations.exclude_file` names: an id a line, `#` begins a remark.
    mutating func readExcluded() {
        let path = settings.models.recommendations.excludeFile
        guard !path.isEmpty else { return }
        let key = "models.recommendations.exclude_file"
        let place = places[key] ?? .init(line: 1, column: 1)
        do throws(SystemFailure) {
            guard let text = String(validating: try File.read(path: path), as: UTF8.self) else {
                return report([key], place, "\(path) is not UTF-8")
            }
            settings.models.recommendations.excluded = text.split(whereSeparator: \.isNewline).map {
                $0.trimmed
            }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
        } catch {
            report([key], place, "\(error)")
        }
    }

    /// More items than that are not kept in memory of every partition.
    private static let mostItems = 1_000_000

    /// What the file of `models.recommendations.catalogue_file` says of items: an object a line.
    mutating func readCatalogue() {
        let path = settings.models.recommendations.catalogueFile
        guard !path.isEmpty else { return }
        let key = "models.recommendations.catalogue_file"
        let place = places[key] ?? .init(line: 1, column: 1)
        do throws(SystemFailure) {
            guard let text = String(validating: try File.read(path: path), as: UTF8.self) else {
                return report([key], place, "\(path) is not UTF-8")
            }
            var items: [CatalogueItem] = []
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                if line.allSatisfy(\.isWhitespace) { continue }
                do throws(CatalogueError) { items.append(try CatalogueItem.read(String(line))) } catch {
                    return report([key], place, "\(path), line \(number + 1): \(error.reason)")
                }
            }
            guard items.count <= Self.mostItems else {
                return report([key], place, "\(path) has \(items.count) items, more than \(Self.mostItems)")
            }
            settings.models.recommendations.catalogue = items
        } catch {
            report([key], place, "\(error)")
        }
    }

    mutating func checkConflicts() {
        for conflict in settings.conflicts {
            var parts = conflict.path.split(separator: ".").map(String.init)
            // What a default does is blamed on the nearest group the file has.
            while !parts.isEmpty, places[parts.joined(separator: ".")] == nil { parts.removeLast() }
            let place = places[parts.joined(separator: ".")] ?? .init(line: 1, column: 1)
            problems.append(
                .init(path: conflict.path, line: place.line, column: place.column, reason: conflict.reason))
        }
    }
}

extension Substring {
    /// Without white space around it.
    fileprivate var trimmed: String {
        let rest = drop(while: \.isWhitespace)
        return String(
            rest[..<(rest.lastIndex { !$0.isWhitespace }.map { rest.index(after: $0) } ?? rest.startIndex)])
    }
}

extension JSON5Node {
    /// Place of what stands below, as far down as there is something.
    func place(below: [String]) -> Place {
        guard let first = below.first else { return place }
        let rest = Array(below.dropFirst())
        switch content {
        case .object(let members):
            guard let member = members.last(where: { $0.key == first }) else { return place }
            return rest.isEmpty ? member.place : member.value.place(below: rest)
        case .array(let elements):
            guard let index = Int(first), elements.indices.contains(index) else { return place }
            return elements[index].place(below: rest)
        case .scalar: return place
        }
    }
}

/// Guesses what was meant.
enum Spelling {
    /// The closest word, where it is close enough to be a slip.
    static func nearest(to word: String, among words: [String]) -> String? {
        let scored = words.map { (word: $0, distance: distance(word, $0)) }
        guard let best = scored.min(by: { $0.distance < $1.distance }),
            best.distance <= max(1, min(word.count, best.word.count) / 3)
        else { return nil }
        return best.word
    }

    /// Levenshtein's distance.
    private static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a)
        let b = Array(b)
        var row = Array(0...b.count)
        for i in a.indices {
            var diagonal = row[0]
            row[0] = i + 1
            for j in b.indices {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}
