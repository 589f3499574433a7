import Core

/// The table of keys as the tree that the shipped file shows.
struct ShippedTree {
    private enum Node {
        case key(SettingsKey)
        case group(ShippedTree)
    }

    private var children: [(name: String, node: Node)] = []

    init(keys: [SettingsKey]) {
        for key in keys { insert(key, at: key.path.split(separator: ".").map(String.init)[...]) }
    }

    private mutating func insert(_ key: SettingsKey, at path: ArraySlice<String>) {
        guard let first = path.first else { return }
        if path.count == 1 {
            children.append((first, .key(key)))
            return
        }
        let index = children.firstIndex { $0.name == first } ?? children.count
        if index == children.count { children.append((first, .group(ShippedTree(keys: [])))) }
        guard case .group(var group) = children[index].node else {
            preconditionFailure("\(key.path) stands below a key")
        }
        group.insert(key, at: path.dropFirst())
        children[index].node = .group(group)
    }

    func write(into out: inout String, indent: String = "") {
        out += "{\n"
        let deeper = indent + "  "
        for (name, node) in children {
            switch node {
            case .key(let key):
                let bounds = key.bounds.map { " (\($0))" } ?? ""
                for line in Self.wrapped(key.sentence + bounds, width: 100 - deeper.count) {
                    out += "\(deeper)// \(line)\n"
                }
                out += "\(deeper)\(name): \(Self.text(of: key.value(in: Settings()), indent: deeper)),\n"
            case .group(let group):
                out += "\(deeper)\(name): "
                group.write(into: &out, indent: deeper)
                out += ",\n"
            }
        }
        out += indent + "}" + (indent.isEmpty ? "\n" : "")
    }

    private static func text(of value: JSONValue, indent: String) -> String {
        guard case .object(let members) = value, !members.isEmpty else { return inline(value) }
        let lines = members.map { "\(indent)  \($0.key): \(inline($0.value)),\n" }
        return "{\n" + lines.joined() + indent + "}"
    }

    private static func inline(_ value: JSONValue) -> String {
        guard case .array(let elements) = value else {
            var writer = JSONWriter()
            writer.value(value)
            return writer.text
        }
        return "[" + elements.map(inline).joined(separator: ", ") + "]"
    }

    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + word.count + 1 > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " \(word)"
        }
        return lines + [line]
    }
}
