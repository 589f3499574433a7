/// Why a value was not taken: where below the key, and a reason for a person.
package struct SettingRefusal: Error, Sendable, Equatable {
    /// Below the key, as in `["user", "0"]` for `schema.fields`; empty: the key itself.
    package var below: [String]
    package var reason: String

    package init(_ reason: String, below: [String] = []) {
        self.reason = reason
        self.below = below
    }
}

extension SettingsKey {
    /// Checks a value as it was read and sets its property.
    ///
    /// - Parameter zone: looks a time zone up by its IANA name, nil where there is none.
    package func apply(
        _ value: JSONValue, to settings: inout Settings, zone: (String) -> Zone?
    ) throws(SettingRefusal) {
        switch kind {
        case .text(let path): settings[keyPath: path] = try value.asText()
        case .address(let path):
            let text = try value.asText()
            if let reason = ListenAddress.reasonAgainst(text) { throw SettingRefusal(reason) }
            settings[keyPath: path] = text
        case .flag(let path):
            guard case .bool(let flag) = value else { throw value.refusal(wanted: "true or false") }
            settings[keyPath: path] = flag
        case .count(let path, let range), .bytes(let path, let range):
            settings[keyPath: path] = Int(
                try value.asInteger(in: Int64(range.lowerBound)...Int64(range.upperBound)))
        case .bigCount(let path, let range), .bigBytes(let path, let range):
            settings[keyPath: path] = try value.asInteger(in: range)
        case .seed(let path): settings[keyPath: path] = UInt64(try value.asInteger(in: 0...Int64.max))
        case .real(let path, let range): settings[keyPath: path] = try value.asReal(in: range)
        case .reals(let path, let range, let lengths):
            settings[keyPath: path] = try value.asReals(in: range, lengths: lengths)
        case .duration(let path, let range): settings[keyPath: path] = try value.asDuration(in: range)
        case .durationOrAuto(let path, let range):
            settings[keyPath: path] = value == .string("auto") ? nil : try value.asDuration(in: range)
        case .optionalDuration(let path, let range):
            let none = value == .null || value == .string("none")
            settings[keyPath: path] = none ? nil : try value.asDuration(in: range)
        case .durations(let path, let range):
            settings[keyPath: path] = try value.asDurations(in: range)
        case .clockMode(let path): settings[keyPath: path] = try value.asChoice()
        case .zone(let path):
            let name = try value.asText()
            guard let found = zone(name) else {
                throw SettingRefusal("no time zone \"\(name)\" on this machine")
            }
            settings[keyPath: path] = found
        case .names(let path, let known, let atLeast):
            settings[keyPath: path] = try value.asNames(known: known, atLeast: atLeast)
        case .choice(let path, let known):
            let text = try value.asText()
            guard known.contains(text) else {
                throw SettingRefusal("must be \(known.joined(separator: " or ")), not \"\(text)\"")
            }
            settings[keyPath: path] = text
        case .fields(let path): try value.mergeFields(into: &settings[keyPath: path])
        case .mapping(let path): settings[keyPath: path] = try value.asMapping()
        case .schedule(let path): settings[keyPath: path] = try value.asSchedule()
        case .sources(let path): settings[keyPath: path] = try value.asSources()
        case .certificate(let path): settings[keyPath: path] = try value.asCertificate()
        case .sinks(let path): settings[keyPath: path] = try value.asSinks()
        case .optionalCount(let path, let range):
            settings[keyPath: path] =
                value == .null
                ? nil : Int(try value.asInteger(in: Int64(range.lowerBound)...Int64(range.upperBound)))
        case .shaped(let read, _): try read(value, &settings, zone)
        case .fixed(let only, let otherwise):
            // What is off by `null` is off by `false`, too.
            if only == .null, value == .bool(false) { return }
            if value != only { throw SettingRefusal(otherwise) }
        }
    }

    /// The value as a file would give it.
    package func value(in settings: Settings) -> JSONValue {
        switch kind {
        case .text(let path), .address(let path), .choice(let path, _): .string(settings[keyPath: path])
        case .flag(let path): .bool(settings[keyPath: path])
        case .count(let path, _), .bytes(let path, _): .integer(Int64(settings[keyPath: path]))
        case .bigCount(let path, _), .bigBytes(let path, _): .integer(settings[keyPath: path])
        case .seed(let path): .integer(Int64(settings[keyPath: path]))
        case .real(let path, _): .number(settings[keyPath: path])
        case .reals(let path, _, _): .array(settings[keyPath: path].map { .number($0) })
        case .duration(let path, _): .string(DurationText.text(settings[keyPath: path]))
        case .durationOrAuto(let path, _):
            .string(settings[keyPath: path].map { DurationText.text($0) } ?? "auto")
        case .optionalDuration(let path, _):
            settings[keyPath: path].map { .string(DurationText.text($0)) } ?? .null
        case .durations(let path, _): .strings(settings[keyPath: path].map { DurationText.text($0) })
        case .clockMode(let path): .string(settings[keyPath: path].rawValue)
        case .zone(let path): .string(settings[keyPath: path].name)
        case .names(let path, _, _): .strings(settings[keyPath: path])
        case .fields(let path):
            .object(
                settings[keyPath: path].sorted { $0.key < $1.key }.map { .init($0.key, .strings($0.value)) })
        case .mapping(let path):
            .object(
                settings[keyPath: path].sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })
        case .schedule(let path): Self.value(of: settings[keyPath: path])
        case .sources(let path):
            .array(settings[keyPath: path].map { .object([.init("address", .string($0.address))]) })
        case .certificate(let path):
            settings[keyPath: path].map {
                .object([.init("certificate", .string($0.certificate)), .init("key", .string($0.key))])
            } ?? .null
        case .sinks(let path): .array(settings[keyPath: path].map(\.tree))
        case .optionalCount(let path, _): settings[keyPath: path].map { .integer(Int64($0)) } ?? .null
        case .shaped(_, let write): write(settings)
        case .fixed(let only, _): only
        }
    }

    private static func value(of schedule: Settings.Schedule?) -> JSONValue {
        guard let schedule else { return .null }
        guard let every = schedule.every else { return .string("off") }
        return .object([
            .init("every", .string(DurationText.text(every))),
            .init("at", .string(DurationText.text(schedule.at))),
        ])
    }

    /// Bounds in words, for the shipped file; nil where the type says it all.
    package var bounds: String? {
        switch kind {
        case .count(_, let range), .optionalCount(_, let range): "\(range.lowerBound) to \(range.upperBound)"
        case .bytes(_, let range): "\(range.lowerBound) to \(range.upperBound) bytes"
        case .bigCount(_, let range): "\(range.lowerBound) to \(range.upperBound)"
        case .bigBytes(_, let range): "\(range.lowerBound) to \(range.upperBound) bytes"
        case .real(_, let range): "\(range.lowerBound) to \(range.upperBound)"
        case .reals(_, let range, _): "each \(range.lowerBound) to \(range.upperBound)"
        case .duration(_, let range), .optionalDuration(_, let range), .durations(_, let range):
            "\(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound))"
        case .durationOrAuto(_, let range):
            "auto, or \(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound))"
        case .clockMode: "wall or event"
        case .choice(_, let known): known.joined(separator: " or ")
        default: nil
        }
    }
}

extension JSONValue {
    /// What kind of value it is, for a person.
    package var kindText: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    func refusal(wanted: String) -> SettingRefusal {
        SettingRefusal("must be \(wanted), not \(kindText)")
    }

    func asText() throws(SettingRefusal) -> String {
        guard case .string(let text) = self else { throw refusal(wanted: "a string") }
        return text
    }

    func asInteger(in range: ClosedRange<Int64>) throws(SettingRefusal) -> Int64 {
        guard case .integer(let number) = self else {
            if case .number(let number) = self {
                throw SettingRefusal("must be a whole number, not \(number)")
            }
            throw refusal(wanted: "a whole number")
        }
        guard range.contains(number) else {
            throw SettingRefusal("must be \(range.lowerBound) to \(range.upperBound), not \(number)")
        }
        return number
    }

    func asReal(in range: ClosedRange<Double>) throws(SettingRefusal) -> Double {
        let number: Double
        switch self {
        case .integer(let whole): number = Double(whole)
        case .number(let real): number = real
        default: throw refusal(wanted: "a number")
        }
        guard number.isFinite, range.contains(number) else {
            throw SettingRefusal("must be \(range.lowerBound) to \(range.upperBound), not \(number)")
        }
        return number
    }

    fileprivate func asReals(
        in range: ClosedRange<Double>, lengths: [Int]
    ) throws(SettingRefusal) -> [Double] {
        guard case .array(let elements) = self else { throw refusal(wanted: "a list of numbers") }
        guard lengths.contains(elements.count) else {
            let wanted = lengths.map { "\($0)" }.joined(separator: " or ")
            throw SettingRefusal("must be \(wanted) numbers, not \(elements.count)")
        }
        var numbers: [Double] = []
        for (index, element) in elements.enumerated() {
            do throws(SettingRefusal) { numbers.append(try element.asReal(in: range)) } catch {
                throw SettingRefusal(error.reason, below: ["\(index)"])
            }
        }
        return numbers
    }

    func asDuration(in range: ClosedRange<Int64>) throws(SettingRefusal) -> Int64 {
        guard case .string(let text) = self else {
            throw SettingRefusal(
                "must be a duration such as \"30m\", in quotes and with its unit, not \(kindText)")
        }
        guard let duration = DurationText.parse(text) else {
            throw SettingRefusal(
                "\"\(text)\" is not a duration: a whole number and one of us, ms, s, m, h, d, as in \"30m\"")
        }
        guard range.contains(duration) else {
            throw SettingRefusal(
                "must be \(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound)), not \(text)"
            )
        }
        return duration
    }

    fileprivate func asDurations(in range: ClosedRange<Int64>) throws(SettingRefusal) -> [Int64] {
        guard case .array(let elements) = self else { throw refusal(wanted: "a list of durations") }
        guard elements.count <= 100 else { throw SettingRefusal("must be at most 100 durations") }
        var durations: [Int64] = []
        for (index, element) in elements.enumerated() {
            do throws(SettingRefusal) { durations.append(try element.asDuration(in: range)) } catch {
                throw SettingRefusal(error.reason, below: ["\(index)"])
            }
        }
        return durations
    }

    fileprivate func asChoice<Choice: RawRepresentable<String> & CaseIterable>() throws(SettingRefusal)
        -> Choice
    {
        let text = try asText()
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
            throw SettingRefusal("must be \(all), not \"\(text)\"")
        }
        return choice
    }

    fileprivate func asNames(known: [String], atLeast: Int) throws(SettingRefusal) -> [String] {
        guard case .array(let elements) = self else { throw refusal(wanted: "a list of names") }
        var names: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let name) = element else {
                throw SettingRefusal("must be a string, not \(element.kindText)", below: ["\(index)"])
            }
            guard known.contains(name) else {
                throw SettingRefusal(
                    "\"\(name)\" is not known; known are \(known.joined(separator: ", "))",
                    below: ["\(index)"])
            }
            guard !names.contains(name) else {
                throw SettingRefusal("\"\(name)\" is named twice", below: ["\(index)"])
            }
            names.append(name)
        }
        guard names.count >= atLeast else { throw SettingRefusal("must name at least \(atLeast)") }
        return names
    }

    fileprivate func mergeFields(into fields: inout [String: [String]]) throws(SettingRefusal) {
        guard case .object(let members) = self else { throw refusal(wanted: "an object") }
        for member in members {
            guard Settings.Schema.defaultFields[member.key] != nil else {
                let known = Settings.Schema.defaultFields.keys.sorted().joined(separator: ", ")
                throw SettingRefusal("no such field; fields are \(known)", below: [member.key])
            }
            fields[member.key] = try member.value.asSourceKeys(of: member.key)
        }
    }

    private func asSourceKeys(of field: String) throws(SettingRefusal) -> [String] {
        let elements: [JSONValue]
        switch self {
        case .string: elements = [self]
        case .array(let list): elements = list
        default: throw SettingRefusal("must be a key or a list of keys, not \(kindText)", below: [field])
        }
        var keys: [String] = []
        for element in elements {
            guard case .string(let key) = element, !key.isEmpty else {
                throw SettingRefusal("source keys are strings that are not empty", below: [field])
            }
            guard !keys.contains(key) else {
                throw SettingRefusal("\"\(key)\" is named twice", below: [field])
            }
            keys.append(key)
        }
        if keys.isEmpty, ["user", "time", "name"].contains(field) {
            throw SettingRefusal("every event needs this field: name at least one source key", below: [field])
        }
        return keys
    }

    fileprivate func asMapping() throws(SettingRefusal) -> [String: String] {
        guard case .object(let members) = self else { throw refusal(wanted: "an object") }
        var mapping: [String: String] = [:]
        for member in members {
            guard case .string(let name) = member.value, !name.isEmpty else {
                throw SettingRefusal("must be a string that is not empty", below: [member.key])
            }
            mapping[member.key] = name
        }
        return mapping
    }

    fileprivate func asSources() throws(SettingRefusal) -> [Settings.Source] {
        guard case .array(let elements) = self else {
            throw refusal(wanted: "a list such as [{address: \"shop.example:9000\"}]")
        }
        var sources: [Settings.Source] = []
        for (index, element) in elements.enumerated() {
            do throws(SettingRefusal) {
                sources.append(try element.asSource())
            } catch {
                throw SettingRefusal(error.reason, below: ["\(index)"] + error.below)
            }
        }
        return sources
    }

    private func asSource() throws(SettingRefusal) -> Settings.Source {
        guard case .object(let members) = self else { throw refusal(wanted: "an object, {address: …}") }
        if let other = members.first(where: { $0.key != "address" }) {
            throw SettingRefusal("unknown key; a source has an address", below: [other.key])
        }
        guard members.count < 2 else { throw SettingRefusal("given twice", below: ["address"]) }
        guard let value = members.first?.value else { throw SettingRefusal("a source needs an address") }
        do throws(SettingRefusal) {
            let text = try value.asText()
            if let reason = ListenAddress.reasonAgainst(text) { throw SettingRefusal(reason) }
            if ListenAddress(text)?.port == 0 { throw SettingRefusal("\(text) wants a port to connect to") }
            return Settings.Source(address: text)
        } catch {
            throw SettingRefusal(error.reason, below: ["address"])
        }
    }

    fileprivate func asCertificate() throws(SettingRefusal) -> Settings.Certificate? {
        // What is off by `null` is off by `false`, too.
        if self == .null || self == .bool(false) { return nil }
        guard case .object(let members) = self else {
            throw refusal(wanted: "{certificate: \"chain.pem\", key: \"key.pem\"} or null")
        }
        var files: [String: String] = [:]
        for member in members {
            guard member.key == "certificate" || member.key == "key" else {
                throw SettingRefusal("unknown key; certificate and key are known", below: [member.key])
            }
            guard files[member.key] == nil else { throw SettingRefusal("given twice", below: [member.key]) }
            guard case .string(let path) = member.value, !path.isEmpty else {
                throw SettingRefusal("must be the path of a file", below: [member.key])
            }
            files[member.key] = path
        }
        guard let certificate = files["certificate"], let key = files["key"] else {
            throw SettingRefusal("both certificate and key are needed")
        }
        return Settings.Certificate(certificate: certificate, key: key)
    }

    fileprivate func asSchedule() throws(SettingRefusal) -> Settings.Schedule? {
        switch self {
        case .null: return nil
        case .string("off"): return Settings.Schedule(every: nil)
        case .string: return Settings.Schedule(every: try asDuration(in: refitDistances))
        case .object(let members): return try Self.schedule(of: members)
        default: throw SettingRefusal("must be null, \"off\", \"24h\" or {every: \"24h\", at: \"3h\"}")
        }
    }

    private static func schedule(of members: [Member]) throws(SettingRefusal) -> Settings.Schedule {
        var schedule = Settings.Schedule(every: nil)
        for member in members {
            do throws(SettingRefusal) {
                switch member.key {
                case "every":
                    schedule.every = try member.value.asDuration(in: refitDistances)
                case "at": schedule.at = try member.value.asDuration(in: 0...Microseconds.day - 1)
                default: throw SettingRefusal("unknown key; a schedule has every and at")
                }
            } catch {
                throw SettingRefusal(error.reason, below: [member.key])
            }
        }
        guard schedule.every != nil else {
            throw SettingRefusal("a schedule needs every, as in {every: \"24h\"}")
        }
        return schedule
    }
}

private let refitDistances = Microseconds.minute...366 * Microseconds.day
