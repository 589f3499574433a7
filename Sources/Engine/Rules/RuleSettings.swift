package import Core

/// What the configuration declares about triggers beyond the built-in delays, as state follows from it.
package struct RuleSettings: Sendable, Equatable {
    /// By name, ascending.
    package var declared: [RuleDeclaration] = []
    package var arbitration = ArbitrationSettings()
    package var language = ""
    /// Decisions each partition keeps.
    package var decisions = 1 << 10
    /// Numbers of the events that rules ask about, as far as they were known when the settings were written.
    package var codes: [NameCode] = []

    package struct NameCode: Sendable, Equatable {
        package var name: String
        package var code: UInt16
    }

    package init() {}

    package init(_ triggers: Settings.TriggerSettings) {
        declared = triggers.declared
        arbitration = triggers.arbitration
        language = triggers.language
        decisions = max(1, triggers.decisions / Partitioning.count)
    }

    /// Whether both mean the same; which numbers were known when is not of the configuration.
    package func isSame(as other: RuleSettings) -> Bool {
        var copy = other
        copy.codes = codes
        return self == copy
    }

    /// Notes the numbers of the events that rules ask about, as far as they have come.
    package mutating func learn(from names: EventNames) {
        codes = RuleBook.make(self).unknownNames.compactMap { unknown in
            names.code(unknown.text).map { NameCode(name: unknown.text, code: $0) }
        }.sorted { $0.name < $1.name }
    }

    // MARK: Saved

    package func write(to out: inout ByteWriter) {
        out.put(UInt64(declared.count))
        for rule in declared { rule.write(to: &out) }
        arbitration.write(to: &out)
        out.put(language)
        out.put(UInt64(decisions))
        out.put(UInt64(codes.count))
        for code in codes {
            out.put(code.name)
            out.put(code.code)
        }
    }

    package init(from input: inout ByteReader) throws(StateError) {
        for _ in 0..<(try input.count(of: 16)) { declared.append(try RuleDeclaration(from: &input)) }
        arbitration = try ArbitrationSettings(from: &input)
        language = try input.getText()
        decisions = try input.getSize()
        for _ in 0..<(try input.count(of: 10)) {
            codes.append(NameCode(name: try input.getText(), code: try input.get()))
        }
        let ascends = zip(declared, declared.dropFirst()).allSatisfy { $0.name < $1.name }
        guard (1...1 << 26).contains(decisions), ascends else {
            throw StateError("saved rules that cannot be")
        }
        _ = try RuleBook(self)
    }
}

extension RuleDeclaration {
    func write(to out: inout ByteWriter) {
        for text in [name, when, channel, action, exclusive] { out.put(text) }
        out.put(enabled)
        out.put(dryRun)
        for number in [delay, cooldown, Int64(priority), Int64(items)] { out.put(number) }
        out.put(holdout)
        out.put(UInt64(template.count))
        for words in template {
            out.put(words.language)
            out.put(words.text)
        }
        out.put(UInt64(coupons.count))
        for coupon in coupons {
            out.put(coupon.when)
            out.put(coupon.code)
            out.put(coupon.discount)
        }
        out.put(occasion != nil)
        occasion?.write(to: &out)
    }

    init(from input: inout ByteReader) throws(StateError) {
        self.init(name: try input.getText())
        when = try input.getText()
        channel = try input.getText()
        action = try input.getText()
        exclusive = try input.getText()
        enabled = try input.getBool()
        dryRun = try input.getBool()
        delay = try input.get()
        cooldown = try input.get()
        priority = Int(try input.get(Int64.self))
        items = Int(try input.get(Int64.self))
        holdout = try input.getDouble()
        for _ in 0..<(try input.count(of: 16)) {
            template.append(Words(language: try input.getText(), text: try input.getText()))
        }
        for _ in 0..<(try input.count(of: 24)) {
            var coupon = Coupon()
            coupon.when = try input.getText()
            coupon.code = try input.getText()
            coupon.discount = try input.getDouble()
            coupons.append(coupon)
        }
        if try input.getBool() { occasion = try RuleOccasion(from: &input) }
        let bound = 10 * 366 * Microseconds.day
        guard (0...bound).contains(delay), (0...bound).contains(cooldown), holdout >= 0, holdout <= 1 else {
            throw StateError("saved rule \(name) holds a value that no configuration can have")
        }
    }
}

extension RuleOccasion {
    fileprivate func write(to out: inout ByteWriter) {
        func put(_ lists: [[String]]) {
            for list in lists {
                out.put(UInt64(list.count))
                for text in list { out.put(text) }
            }
        }
        switch self {
        case .event(let name):
            out.put(UInt8(0))
            out.put(name)
        case .absence(let name, let after):
            out.put(UInt8(1))
            out.put(name)
            out.put(after)
        case .segmentMoved(let from, let to):
            out.put(UInt8(2))
            put([from, to])
        case .tierChanged(let from, let to):
            out.put(UInt8(3))
            put([from, to])
        case .predicted(let lead):
            out.put(UInt8(4))
            out.put(lead)
        case .crossed(let name, let isAbove, let bound, let clear, let daily):
            out.put(UInt8(5))
            out.put(name)
            out.put(isAbove)
            out.put(bound)
            out.put(clear)
            out.put(daily ?? -1)
        case .daily(let at, let weekdays):
            out.put(UInt8(6))
            out.put(at)
            out.put(weekdays)
        }
    }

    fileprivate init(from input: inout ByteReader) throws(StateError) {
        func list(_ input: inout ByteReader) throws(StateError) -> [String] {
            var texts: [String] = []
            for _ in 0..<(try input.count(of: 8)) { texts.append(try input.getText()) }
            return texts
        }
        switch try input.get(UInt8.self) {
        case 0: self = .event(try input.getText())
        case 1: self = .absence(of: try input.getText(), after: try input.getText())
        case 2: self = .segmentMoved(from: try list(&input), to: try list(&input))
        case 3: self = .tierChanged(from: try list(&input), to: try list(&input))
        case 4: self = .predicted(lead: try input.get())
        case 5:
            let name = try input.getText()
            let isAbove = try input.getBool()
            let bound = try input.getDouble()
            let clear = try input.getDouble()
            let daily: Int64 = try input.get()
            self = .crossed(
                name, isAbove: isAbove, bound: bound, clear: clear, daily: daily < 0 ? nil : daily)
        case 6: self = .daily(at: try input.get(), weekdays: try input.get())
        case let kind: throw StateError("a saved rule of unknown occasion \(kind)")
        }
    }
}

extension ArbitrationSettings {
    fileprivate func write(to out: inout ByteWriter) {
        for cap in [dayCap, weekCap, budget, breaker] { out.put(Int64(cap ?? -1)) }
        out.put(UInt64(channelCaps.count))
        for cap in channelCaps {
            out.put(cap.channel)
            out.put(Int64(cap.day ?? -1))
            out.put(Int64(cap.week ?? -1))
        }
        out.put(quiet != nil)
        out.put(quiet?.from ?? 0)
        out.put(quiet?.to ?? 0)
        out.put(quiet?.holds ?? true)
        out.put(controlGroup)
        out.put(UInt64(exclusive.count))
        for set in exclusive {
            out.put(set.name)
            out.put(set.within)
        }
        out.put(UInt64(regions.count))
        for region in regions {
            out.put(region.region)
            region.zone.write(to: &out)
        }
        out.put(UInt64(zones.count))
        for zone in zones { zone.write(to: &out) }
        out.put(needsConsent)
        out.put(dryRun)
    }

    fileprivate init(from input: inout ByteReader) throws(StateError) {
        self.init()
        func cap(_ input: inout ByteReader) throws(StateError) -> Int? {
            let value: Int64 = try input.get()
            return value < 0 ? nil : Int(value)
        }
        dayCap = try cap(&input)
        weekCap = try cap(&input)
        budget = try cap(&input)
        breaker = try cap(&input)
        for _ in 0..<(try input.count(of: 24)) {
            channelCaps.append(
                ChannelCap(channel: try input.getText(), day: try cap(&input), week: try cap(&input)))
        }
        let isQuiet = try input.getBool()
        var hours = QuietHours(from: try input.get(), to: try input.get())
        hours.holds = try input.getBool()
        quiet = isQuiet ? hours : nil
        controlGroup = try input.getDouble()
        for _ in 0..<(try input.count(of: 16)) {
            exclusive.append(ExclusiveSet(name: try input.getText(), within: try input.get()))
        }
        for _ in 0..<(try input.count(of: 24)) {
            regions.append(RegionZone(region: try input.getText(), zone: try Zone(from: &input)))
        }
        for _ in 0..<(try input.count(of: 24)) { zones.append(try Zone(from: &input)) }
        needsConsent = try input.getBool()
        dryRun = try input.getBool()
        guard channelCaps.count <= ContactCounts.channels else {
            throw StateError("saved caps of \(channelCaps.count) channels")
        }
    }
}

extension Zone {
    func write(to out: inout ByteWriter) {
        out.put(name)
        out.put(UInt64(starts.count))
        for row in starts.indices {
            out.put(starts[row])
            out.put(offsets[row])
        }
    }

    init(from input: inout ByteReader) throws(StateError) {
        let name = try input.getText()
        var starts: [Int64] = []
        var offsets: [Int64] = []
        for _ in 0..<(try input.count(of: 16)) {
            starts.append(try input.get())
            offsets.append(try input.get())
        }
        guard starts.first == .min, zip(starts, starts.dropFirst()).allSatisfy(<),
            offsets.allSatisfy({ abs($0 / Microseconds.day) < 2 })
        else { throw StateError("time zone \(name) has rows that cannot be") }
        self.init(name: name, starts: starts, offsets: offsets)
    }
}
