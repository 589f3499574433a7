extension RuleDeclaration {
    /// Keys that a built-in rule takes besides its own.
    package static let overlayKeys: Set<String> = [
        "when", "cooldown", "priority", "holdout", "channel", "action", "exclusive", "items", "template",
        "coupon", "dry_run",
    ]

    /// Keys of a rule of the configuration's own.
    package static let keys: Set<String> = overlayKeys.union(["enabled", "on", "delay"])

    private static let year = 366 * Microseconds.day

    /// Whether a text can be the name of a rule.
    package static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
            && !(48...57).contains(text.utf8.first ?? 48)
    }

    /// Takes what is declared under one key.
    package mutating func take(_ key: String, _ value: JSONValue) throws(SettingRefusal) {
        switch key {
        case "enabled": enabled = try value.asFlag()
        case "dry_run": dryRun = try value.asFlag()
        case "on": (occasion, delay) = try RuleOccasion.read(value, delay: delay)
        case "when": when = try value.asCondition()
        case "delay": delay = try value.asDuration(in: 0...10 * Self.year)
        case "cooldown": cooldown = try value.asDuration(in: 0...10 * Self.year)
        case "priority": priority = Int(try value.asInteger(in: -1_000_000...1_000_000))
        case "holdout": holdout = try value.asReal(in: 0...1)
        case "channel": channel = try value.asLabel()
        case "action": action = try value.asLabel()
        case "exclusive": exclusive = try value.asLabel()
        case "items": items = Int(try value.asInteger(in: 0...100))
        case "template": template = try value.asTemplate()
        case "coupon": coupons = try value.asCoupons()
        default:
            let known = (occasion == nil ? Self.overlayKeys : Self.keys).sorted().joined(separator: ", ")
            throw SettingRefusal("unknown key; a rule has \(known)")
        }
    }

    /// Takes all that is declared.
    ///
    /// - Returns: everything that is wrong, by key.
    package mutating func take(_ members: [JSONValue.Member]) -> [SettingRefusal] {
        var refusals: [SettingRefusal] = []
        for member in members {
            do throws(SettingRefusal) { try take(member.key, member.value) } catch {
                refusals.append(SettingRefusal(error.reason, below: [member.key] + error.below))
            }
        }
        if case .absence = occasion, delay == 0, refusals.isEmpty {
            refusals.append(
                SettingRefusal("the absence of an event needs within, as in within: \"2h\"", below: ["on"]))
        }
        return refusals
    }
}

extension RuleOccasion {
    private static let year = 366 * Microseconds.day

    private static let kinds = [
        "event", "absence", "segment_moved", "tier_changed", "predicted", "crosses", "daily",
    ]

    /// - Returns: the occasion, and the delay, which the absence of an event says as `within`.
    fileprivate static func read(
        _ value: JSONValue, delay: Int64
    ) throws(SettingRefusal) -> (RuleOccasion, Int64) {
        guard case .object(let members) = value,
            let kind = members.first(where: { kinds.contains($0.key) })
        else {
            throw SettingRefusal(
                "must be an object with one of \(kinds.joined(separator: ", ")), as in "
                    + "{event: \"view_item\"}")
        }
        var rest = Rest(members.filter { $0.key != kind.key })
        let occasion: RuleOccasion
        do throws(SettingRefusal) { occasion = try read(kind.key, kind.value, &rest) } catch {
            throw error.below.isEmpty ? SettingRefusal(error.reason, below: [kind.key]) : error
        }
        let within = try rest.take(
            "within", { (given) throws(SettingRefusal) in try given.asDuration(in: 1...10 * year) })
        if within != nil, kind.key != "absence" {
            throw SettingRefusal("only the absence of an event has within; say delay", below: ["within"])
        }
        if let other = rest.left { throw SettingRefusal("unknown key here", below: [other]) }
        return (occasion, within ?? delay)
    }

    /// The other keys, each taken once.
    private struct Rest {
        var members: [JSONValue.Member]
        init(_ members: [JSONValue.Member]) { self.members = members }

        var left: String? { members.first?.key }

        mutating func take<T>(
            _ key: String, _ read: (JSONValue) throws(SettingRefusal) -> T
        ) throws(SettingRefusal) -> T? {
            guard let index = members.firstIndex(where: { $0.key == key }) else { return nil }
            let value = members.remove(at: index).value
            do throws(SettingRefusal) { return try read(value) } catch {
                throw SettingRefusal(error.reason, below: [key] + error.below)
            }
        }
    }

    private static func read(
        _ kind: String, _ value: JSONValue, _ rest: inout Rest
    ) throws(SettingRefusal) -> RuleOccasion {
        switch kind {
        case "event": return .event(try value.asLabel())
        case "absence":
            guard
                let after = try rest.take("after", { (given) throws(SettingRefusal) in try given.asLabel() })
            else {
                throw SettingRefusal("needs after, the event that begins the wait")
            }
            return .absence(of: try value.asLabel(), after: after)
        case "segment_moved":
            let (from, to) = try value.asMove(known: nil)
            return .segmentMoved(from: from, to: to)
        case "tier_changed":
            let (from, to) = try value.asMove(known: ConditionField.tiers)
            return .tierChanged(from: from, to: to)
        case "predicted":
            guard value == .string("repurchase") else {
                throw SettingRefusal("the date that is predicted is \"repurchase\"")
            }
            return .predicted(
                lead: try rest.take(
                    "lead", { (given) throws(SettingRefusal) in try given.asDuration(in: 0...year) }) ?? 0)
        case "daily":
            let days = try rest.take("weekdays", { (given) throws(SettingRefusal) in try given.asWeekdays() })
            return .daily(at: try value.asDuration(in: 0...Microseconds.day - 1), weekdays: days ?? 0x7F)
        default: return try crossed(value, &rest)
        }
    }

    private static func crossed(
        _ value: JSONValue, _ rest: inout Rest
    ) throws(SettingRefusal) -> RuleOccasion {
        let name = try value.asLabel()
        do throws(RuleTextError) { _ = try RuleOccasion.number(name) } catch {
            throw SettingRefusal("\"\(name)\" is not a number of the user page")
        }
        let above = try rest.take(
            "above", { (given) throws(SettingRefusal) in try given.asReal(in: -1e15...1e15) })
        let below = try rest.take(
            "below", { (given) throws(SettingRefusal) in try given.asReal(in: -1e15...1e15) })
        guard (above == nil) != (below == nil), let bound = above ?? below else {
            throw SettingRefusal("needs above or below, the bound that is crossed")
        }
        let clear =
            try rest.take("clear", { (given) throws(SettingRefusal) in try given.asReal(in: -1e15...1e15) })
            ?? bound
        guard above == nil ? clear >= bound : clear <= bound else {
            throw SettingRefusal("lies on the wrong side of the bound", below: ["clear"])
        }
        let daily = try rest.take(
            "daily", { (given) throws(SettingRefusal) in try given.asDuration(in: 0...Microseconds.day - 1) })
        return .crossed(name, isAbove: above != nil, bound: bound, clear: clear, daily: daily)
    }
}

extension JSONValue {
    func asFlag() throws(SettingRefusal) -> Bool {
        guard case .bool(let flag) = self else { throw refusal(wanted: "true or false") }
        return flag
    }

    /// A text that is not empty and not long.
    func asLabel() throws(SettingRefusal) -> String {
        let text = try asText()
        guard (1...200).contains(text.utf8.count) else {
            throw SettingRefusal("must be a text of 1 to 200 bytes")
        }
        return text
    }

    fileprivate func asCondition(ofCoupon: Bool = false) throws(SettingRefusal) -> String {
        let text = try asText()
        let program: ConditionProgram
        do throws(RuleTextError) { program = try ConditionProgram(parsing: text) } catch {
            throw SettingRefusal(error.sentence)
        }
        if program.asksItem, !ofCoupon {
            throw SettingRefusal("only a coupon's when may ask about the item that is offered")
        }
        return text
    }

    fileprivate func asTemplate() throws(SettingRefusal) -> [RuleDeclaration.Words] {
        let members: [Member]
        switch self {
        case .string: members = [.init("", self)]
        case .object(let given): members = given
        default: throw refusal(wanted: "a text, or texts by language: {ko: \"…\", en: \"…\"}")
        }
        var template: [RuleDeclaration.Words] = []
        for member in members {
            let below = member.key.isEmpty ? [] : [member.key]
            do throws(SettingRefusal) {
                let text = try member.value.asText()
                do throws(RuleTextError) { _ = try MessageTemplate(parsing: text) } catch {
                    throw SettingRefusal(error.sentence)
                }
                template.append(.init(language: member.key.lowercased(), text: text))
            } catch {
                throw SettingRefusal(error.reason, below: below)
            }
        }
        return template
    }

    /// One coupon, or a list of which the first whose condition holds is given.
    fileprivate func asCoupons() throws(SettingRefusal) -> [RuleDeclaration.Coupon] {
        switch self {
        case .integer, .number:
            var coupon = RuleDeclaration.Coupon()
            coupon.discount = try asReal(in: 0...100)
            return [coupon]
        case .object(let members): return [try Self.coupon(members)]
        case .array(let elements):
            var coupons: [RuleDeclaration.Coupon] = []
            for (index, element) in elements.enumerated() {
                guard case .object(let members) = element else {
                    throw SettingRefusal("must be an object, {when, discount, code}", below: ["\(index)"])
                }
                do throws(SettingRefusal) { coupons.append(try Self.coupon(members)) } catch {
                    throw SettingRefusal(error.reason, below: ["\(index)"] + error.below)
                }
            }
            return coupons
        default: throw refusal(wanted: "percent off, {discount: 10, code: \"SPRING\"}, or a list of such")
        }
    }

    private static func coupon(_ members: [Member]) throws(SettingRefusal) -> RuleDeclaration.Coupon {
        var coupon = RuleDeclaration.Coupon()
        for member in members {
            do throws(SettingRefusal) {
                switch member.key {
                case "when": coupon.when = try member.value.asCondition(ofCoupon: true)
                case "code": coupon.code = try member.value.asLabel()
                case "discount": coupon.discount = try member.value.asReal(in: 0...100)
                default: throw SettingRefusal("unknown key; a coupon has when, discount and code")
                }
            } catch {
                throw SettingRefusal(error.reason, below: [member.key])
            }
        }
        return coupon
    }

    /// `{from: "loyal", to: ["at_risk", "dormant"]}`; either may be left out.
    fileprivate func asMove(known: [String]?) throws(SettingRefusal) -> (from: [String], to: [String]) {
        guard case .object(let members) = self else { throw refusal(wanted: "{from: …, to: …}") }
        var (from, to): ([String], [String]) = ([], [])
        for member in members {
            do throws(SettingRefusal) {
                switch member.key {
                case "from": from = try member.value.asLabels(known)
                case "to": to = try member.value.asLabels(known)
                default: throw SettingRefusal("unknown key; a move has from and to")
                }
            } catch {
                throw SettingRefusal(error.reason, below: [member.key])
            }
        }
        return (from, to)
    }

    private func asLabels(_ known: [String]?) throws(SettingRefusal) -> [String] {
        var labels: [String] = []
        if case .array(let elements) = self {
            for element in elements { labels.append(try element.asLabel()) }
        } else {
            labels = [try asLabel()]
        }
        if let known, let other = labels.first(where: { !known.contains($0) }) {
            throw SettingRefusal("there is no \(other); there are \(known.joined(separator: ", "))")
        }
        return labels
    }

    fileprivate func asWeekdays() throws(SettingRefusal) -> UInt8 {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        var mask: UInt8 = 0
        for label in try asLabels(nil) {
            guard let day = days.firstIndex(of: label) else {
                throw SettingRefusal("\"\(label)\" is no day; days are \(days.joined(separator: ", "))")
            }
            mask |= 1 << UInt8(day)
        }
        return mask
    }
}
